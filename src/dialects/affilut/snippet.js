/*
 * Keeps for the session which click brought a visitor, and hands it to the checkout:
 * <script src="https://HUB/snippet.js" data-program="PROGRAM"></script>
 *
 * click_id of the landing URL is kept, with ref and aff_sess where they came with it, as tracking links append them. A ref
 * by itself (?ref=CODE) anybody can type: the hub makes a click of it first, and that click is kept. data-program is needed
 * only where several programs of the hub have the code.
 *
 *   sessionStorage: aff_ref, aff_sess, aff_click_id
 *   tributary.metadata(): { affiliate_id, affiliate_session_id, click_id }, for the metadata of a Stripe checkout
 *   tributary.ready: a promise of it, once the click of a bare ref is made
 *   <input type="hidden" data-tributary="click_id">: gets its value (any of the three names)
 *   document listens to 'tributary': event.detail is the metadata
 */
(() => {
  const script = document.currentScript;
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
    for (const key of [...Object.values(kept), CODE]) {
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

  // The code that the kept click was made of, so that a page that is loaded again makes no second one.
  const CODE = 'aff_code';

  const keepLanding = (landing) => {
    forget();
    for (const [parameter, key] of Object.entries(kept)) if (landing[parameter]) keep(key, landing[parameter]);
  };

  const makeClick = async (ref, query) => {
    const body = { ref, programId: script?.dataset.program || null, sourceUrl: location.href.slice(0, 2048) };
    for (const name of ['sub1', 'sub2', 'sub3', 'sub4', 'sub5']) body[name] = query.get(name)?.slice(0, 255) || null;
    const response = await fetch(`${script.src.replace(/\/snippet\.js.*$/, '')}/api/v1/clicks/visitor`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      credentials: 'omit',
      keepalive: true,
      body: JSON.stringify(body),
    });
    // Not a code of ours: whoever brought the visitor before still did.
    if (!response.ok) return;
    const { clickId } = (await response.json()).data;
    keepLanding({ aff_sess: clickId, click_id: clickId });
    keep(CODE, ref);
  };

  const readLanding = async () => {
    const query = new URLSearchParams(location.search);
    const landing = Object.fromEntries(Object.keys(kept).map((parameter) => [parameter, query.get(parameter)]));
    if (landing.click_id) {
      // Another link: nothing of the one before may speak for it.
      if (landing.click_id !== read(kept.click_id)) keepLanding(landing);
      return;
    }
    const { ref } = landing;
    if (!ref || !script?.src || ref === read(kept.ref) || ref === read(CODE)) return;
    await makeClick(ref, query).catch(() => {});
  };

  const loaded = new Promise((resolve) => {
    if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', resolve);
    else resolve();
  });
  const landed = readLanding();
  window.tributary = { metadata, handOver, ready: landed.then(metadata) };
  void Promise.all([loaded, landed]).then(handOver);
})();
