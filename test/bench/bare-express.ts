import express from 'express';

/** What the ingest benchmark is measured against: Express with nothing behind it, for postbacks and for links. */
const app = express();
app.get('/pb/:id', (_request, response) => {
  response.type('text/plain').send('OK');
});
app.get('/r/:code', (_request, response) => {
  response.redirect('https://shop.example/');
});
const server = app.listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => {
  server.closeAllConnections();
  server.close();
});
