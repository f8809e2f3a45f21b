import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCrawler } from '../../src/http/crawlers.ts';
import { classifyVisit } from '../../src/http/visitors.ts';

test('crawlers and link previewers are known by their names', () => {
  for (const userAgent of [
    'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    'Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)',
    'Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)',
    'facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)',
    'facebookexternalhit/1.1;line-poker/1.0',
    'WhatsApp/2.23.20.0',
    'Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)',
    'Twitterbot/1.0',
    'TelegramBot (like TwitterBot)',
    'Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)',
    'LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)',
    'Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5',
    'Mozilla/5.0 (compatible; Pinterestbot/1.0; +http://www.pinterest.com/bot.html)',
    'Mozilla/5.0 (compatible; Bluesky Cardyb/1.1; +mailto:support@bsky.app)',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.1 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)',
    'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; GPTBot/1.1; +https://openai.com/gptbot',
    'Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)',
    'Viber/20.3',
    'Some-New-Crawler/1.0',
  ]) {
    assert.ok(isCrawler(userAgent), userAgent);
  }
});

test('browsers, apps with a browser, HTTP libraries, tools, and who is unknown or says nothing, are visitors', () => {
  const phone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';
  for (const userAgent of [
    undefined,
    '',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
    `${phone} Mobile/15E148 Instagram 350.0.0.28.90 (iPhone15,3; iOS 18_1; en_US; en; scale=3.00; 1290x2796; 660340030)`,
    `${phone} Mobile/15E148 [FBAN/FBIOS;FBAV/480.0.0.32.108;FBDV/iPhone15,3;FBSN/iOS;FBSV/18.1;FBLC/en_US]`,
    `${phone} GSA/340.3.690 Mobile/15E148 Safari/604.1`,
    `${phone} Mobile/15E148 [LinkedInApp]/9.30.1.2`,
    `${phone} Version/17.5 Mobile/15E148 Snapchat/13.0.0.30 (like Safari/8618.2.12.10.9, panda)`,
    `${phone} Mobile/15E148 [Pinterest/iOS]`,
    `${phone} Mobile/15E148 Twitter for iPhone/10.50`,
    `${phone} Safari Line/13.16.0`,
    'Mozilla/5.0 (Linux; Android 12; CUBOT P50) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36',
    'curl/8.5.0',
    'Wget/1.24.5',
    'python-requests/2.32.3',
    'Go-http-client/2.0',
    'okhttp/4.12.0',
    'axios/1.7.7',
    'node',
    'Java/17.0.1',
    'PostmanRuntime/7.43.0',
    'Frobnicator/1.0',
    'x'.repeat(20_000),
  ]) {
    assert.ok(!isCrawler(userAgent), userAgent);
  }
});

test('what a browser fetches ahead is told by its headers, and HEAD is no visit', () => {
  for (const [name, value] of [
    ['sec-purpose', 'prefetch'],
    ['sec-purpose', 'prefetch;prerender'],
    ['sec-purpose', 'prefetch;anonymous-client-ip'],
    ['purpose', 'prefetch'],
    ['x-purpose', 'preview'],
    ['x-moz', 'prefetch'],
  ] as const) {
    assert.equal(classifyVisit({ method: 'GET', headers: { [name]: value } }), 'prefetch', value);
  }
  assert.equal(classifyVisit({ method: 'GET', headers: { 'sec-purpose': '', purpose: 'navigate' } }), 'visitor');
  assert.equal(classifyVisit({ method: 'HEAD', headers: {} }), 'crawler');
});
