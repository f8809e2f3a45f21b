/*
 * Keeps which click brought a visitor, for as long as that click counts, and hands it to the checkout:
 * <script src="https://HUB/snippet.js" data-program="PROGRAM"></script>
 *
 * click_id of the landing URL is kept, with ref and aff_sess where they came with it, as tracking links append them. A ref
 * by itself (?ref=CODE) anybody can type: the hub makes a click of it first, and that click is kept.
 *
 *   data-program: needed only where several programs of the hub have the code of a bare ref
 *   data-domain="shop.example": the cookies are for all hosts of this domain (www, checkout, ...), not for this one alone
 *   data-days="30": how long to keep a click of which the hub does not say it; else until its offer's window is over
 *   data-consent="required": nothing is read, kept or sent before tributary.consent(true)
 *
 * Kept in first-party cookies (aff_click_id, aff_ref, aff_sess), in localStorage (tributary), and for scripts of before in
 * sessionStorage (aff_click_id, aff_ref, aff_sess).
 *
 *   tributary.metadata(): { affiliate_id, affiliate_session_id, click_id }, for the metadata of a Stripe checkout
 *   tributary.ready: a promise of it, once the click of a bare ref is made
 *   tributary.consent(true | false): the visitor's answer; false forgets everything. A promise of the metadata
 *   <input type="hidden" data-tributary="click_id">: gets its value (any of the three names)
 *   document listens to 'tributary': event.detail is the metadata
 */
(() => {
  const script = document.currentScript;
  const settings = script ? script.dataset : {};
  const hub = script ? script.src.replace(/\/snippet\.js.*$/, '') : '';
  const parameters = { ref: 'aff_ref', aff_sess: 'aff_sess', click_id: 'aff_click_id' };
  const names = { affiliate_id: 'aff_ref', affiliate_session_id: 'aff_sess', click_id: 'aff_click_id' };
  // The code that the kept click was made of, so that a page that is loaded again makes no second one.
  const CODE = 'aff_code';
  const keys = [...Object.values(parameters), CODE];
  const STORE = 'tributary';
  const DAY_MS = 86_400_000;
  const usualMs = (Number(settings.days) > 0 ? Number(settings.days) : 30) * DAY_MS;

  let allowed = settings.consent !== 'required';
  // What this page knows: keys to values, and until when. Null: not looked for yet.
  let known = null;

  const attempt = (work) => {
    try {
      return work();
    } catch {
      return null;
    }
  };

  const cookieOf = (key) => {
    const found = document.cookie.split('; ').find((pair) => pair.startsWith(`${key}=`));
    return found ? attempt(() => decodeURIComponent(found.slice(key.length + 1))) : null;
  };

  const writeCookie = (key, value, seconds) => {
    const domain = settings.domain ? `; Domain=${settings.domain}` : '';
    const secure = location.protocol === 'https:' ? '; Secure' : '';
    document.cookie = `${key}=${encodeURIComponent(value)}; Path=/; Max-Age=${seconds}${domain}; SameSite=Lax${secure}`;
  };

  // Cookies first: other hosts of the domain write them, too. Where a browser has dropped them there is localStorage.
  const load = () => {
    const fromCookies = {};
    for (const key of keys) {
      const value = attempt(() => cookieOf(key));
      if (value) fromCookies[key] = value;
    }
    const stored = attempt(() => JSON.parse(localStorage.getItem(STORE)));
    const isCurrent = stored && stored.until > Date.now() && stored.values;
    if (!fromCookies.aff_click_id) return isCurrent ? stored : { values: {}, until: 0 };
    const isSame = isCurrent && stored.values.aff_click_id === fromCookies.aff_click_id;
    return { values: fromCookies, until: isSame ? stored.until : Date.now() + usualMs };
  };

  const state = () => {
    if (known) return known;
    if (!allowed) return { values: {}, until: 0 };
    known = load();
    return known;
  };

  const store = () => {
    const { values, until } = state();
    const seconds = Math.floor((until - Date.now()) / 1000);
    for (const key of keys) {
      const value = values[key];
      attempt(() => (value || cookieOf(key) !== null) && writeCookie(key, value || '', value ? seconds : 0));
    }
    attempt(() => localStorage.setItem(STORE, JSON.stringify({ values, until })));
    storeForSession();
  };

  // A tab that was opened by itself has a session of its own.
  const storeForSession = () => {
    const { values } = state();
    for (const key of keys) {
      attempt(() => (values[key] ? sessionStorage.setItem(key, values[key]) : sessionStorage.removeItem(key)));
    }
  };

  const forget = () => {
    known = { values: {}, until: 0 };
    for (const key of keys) {
      attempt(() => writeCookie(key, '', 0));
      attempt(() => sessionStorage.removeItem(key));
    }
    attempt(() => localStorage.removeItem(STORE));
  };

  const metadata = () => {
    const { values } = state();
    return Object.fromEntries(
      Object.entries(names).flatMap(([name, key]) => (values[key] ? [[name, values[key]]] : [])),
    );
  };

  const handOver = () => {
    const values = metadata();
    for (const input of document.querySelectorAll('input[data-tributary]')) {
      input.value = values[input.dataset.tributary] || '';
    }
    document.dispatchEvent(new CustomEvent('tributary', { detail: values }));
  };

  const ask = async (path, body) => {
    const response = await fetch(`${hub}/api/v1/clicks/visitor${path}`, {
      ...(body && { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
      credentials: 'omit',
      keepalive: true,
    });
    return response.ok ? (await response.json()).data : null;
  };

  // Another click: nothing of the one before may speak for it.
  const keep = (values) => {
    known = { values, until: Date.now() + usualMs };
    store();
  };

  const keepUntilItExpires = async () => {
    const clickId = state().values.aff_click_id;
    const answer = await ask(`/${encodeURIComponent(clickId)}`).catch(() => null);
    if (!answer || !allowed || state().values.aff_click_id !== clickId) return;
    known.until = Date.parse(answer.expiresAt);
    if (known.until > Date.now()) store();
    else forget();
  };

  // A page that the browser prepares ahead may never be seen.
  const shown = () =>
    document.prerendering &&
    new Promise((resolve) => {
      document.addEventListener('prerenderingchange', resolve, { once: true });
    });

  // Bytes that are not UTF-8 are written as the hub writes them: two ids must not become one.
  const decode = (escapes) =>
    attempt(() => decodeURIComponent(escapes)) ??
    escapes.replaceAll(/%([0-9a-f]{2})/gi, (escape, digits) =>
      digits < '8' ? decodeURIComponent(escape) : `\ufffd${digits.toUpperCase()}`,
    );

  const textOf = (search, name) => {
    const pair = search.split('&').find((each) => each.startsWith(`${name}=`));
    const raw = pair ? pair.slice(name.length + 1).replaceAll('+', ' ') : '';
    return raw.replaceAll(/(?:%[0-9a-f]{2})+/gi, decode).slice(0, 8192) || null;
  };

  const makeClick = async (ref, search) => {
    const body = { ref, programId: settings.program || null, sourceUrl: location.href.slice(0, 2048) };
    for (const name of ['sub1', 'sub2', 'sub3', 'sub4', 'sub5']) body[name] = textOf(search, name);
    await shown();
    const answer = await ask('', body).catch(() => null);
    // Not a code of ours: whoever brought the visitor before still did.
    if (!answer || !allowed) return;
    keep({ aff_sess: answer.clickId, aff_click_id: answer.clickId, [CODE]: ref });
    void keepUntilItExpires();
  };

  const readLanding = async () => {
    // Of an address that was copied out of HTML.
    const search = location.search.slice(1).replaceAll(/(^|&)(?:amp;)+/g, '$1');
    const query = new URLSearchParams(search);
    const landing = {};
    for (const [parameter, key] of Object.entries(parameters)) {
      if (query.get(parameter)) landing[key] = query.get(parameter).slice(0, 255);
    }
    if (landing.aff_click_id) {
      if (landing.aff_click_id === state().values.aff_click_id) {
        if (allowed) storeForSession();
        return;
      }
      if (!allowed) {
        // For this page alone: it stands in its address.
        known = { values: landing, until: 0 };
        return;
      }
      keep(landing);
      void keepUntilItExpires();
      return;
    }
    const ref = landing.aff_ref;
    const { values } = state();
    if (allowed && values.aff_click_id) storeForSession();
    if (!allowed || !ref || !hub || ref === values.aff_ref || ref === values[CODE]) return;
    await makeClick(ref, search);
  };

  const consent = async (answer) => {
    const isNew = allowed !== answer;
    allowed = answer;
    if (!answer) forget();
    else if (isNew) {
      known = null;
      await readLanding();
    }
    handOver();
    return metadata();
  };

  const loaded = new Promise((resolve) => {
    if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', resolve);
    else resolve();
  });
  const landed = readLanding();
  window.tributary = { metadata, handOver, consent, ready: landed.then(metadata) };
  void Promise.all([loaded, landed]).then(handOver);
})();
