/*
 * Keeps who referred a visitor for the session (ref, aff_sess and click_id of the landing URL) and hands it to the
 * checkout: <script src="https://HUB/snippet.js"></script>
 *
 *   sessionStorage: aff_ref, aff_sess, aff_click_id
 *   tributary.metadata(): { affiliate_id, affiliate_session_id, click_id }, for the metadata of a Stripe checkout
 *   <input type="hidden" data-tributary="affiliate_id">: gets its value (any of the three names)
 *   document listens to 'tributary': event.detail is the metadata
 */
(() => {
  const kept = { ref: 'aff_ref', aff_sess: 'aff_sess', click_id: 'aff_click_id' };
  const names = { affiliate_id: 'aff_ref', affiliate_session_id: 'aff_sess', click_id: 'aff_click_id' };
  // Where the browser keeps nothing, the page itself does.
  const memory = {};

  const keep = (key, value) => {
    memory[key] = value;
    try {
      sessionStorage.setItem(key, value);
    } catch {}
  };

  const read = (key) => {
    try {
      return sessionStorage.getItem(key) || memory[key] || null;
    } catch {
      return memory[key] || null;
    }
  };

  const forget = () => {
    for (const key of Object.values(kept)) {
      delete memory[key];
      try {
        sessionStorage.removeItem(key);
      } catch {}
    }
  };

  const metadata = () => {
    const values = {};
    for (const [name, key] of Object.entries(names)) {
      const value = read(key);
      if (value) values[name] = value;
    }
    return values;
  };

  const handOver = () => {
    const values = metadata();
    for (const input of document.querySelectorAll('input[data-tributary]')) {
      input.value = values[input.dataset.tributary] || '';
    }
    document.dispatchEvent(new CustomEvent('tributary', { detail: values }));
  };

  const query = new URLSearchParams(location.search);
  // Another affiliate's link: nothing of the one before may speak for it.
  if (query.get('ref') && query.get('ref') !== read(kept.ref)) forget();
  for (const [parameter, key] of Object.entries(kept)) {
    const value = query.get(parameter);
    if (value) keep(key, value);
  }
  window.tributary = { metadata, handOver };
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', handOver);
  else handOver();
})();
