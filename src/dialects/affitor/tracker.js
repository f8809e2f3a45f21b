/*
 * Keeps the click of visitors who land with ?aff=CODE (or with the click_id of a tracking link) in the cookie
 * affitor_click_id, and tells of signups:
 *   <script src="https://HUB/affitor/affitor-tracker.js" data-affitor-program-id="PROGRAM"></script>
 *   await window.affitor.signup('customer_123', 'user@example.com');
 * Also data-affitor-api-base, data-affitor-cookie-domain, data-affitor-debug.
 */
(() => {
  const CLICK = 'affitor_click_id';
  const LANDING = 'affitor_aff_url';
  const script = document.currentScript || document.querySelector('script[data-affitor-program-id]');
  const data = script ? script.dataset : {};
  const settings = {
    programId: data.affitorProgramId || window.AFFITOR_PROGRAM_ID || null,
    apiBase: data.affitorApiBase || (script && script.src ? script.src.replace(/\/(js\/)?[^/]*$/, '') : ''),
    cookieDomain: data.affitorCookieDomain || null,
    debug: data.affitorDebug === 'true',
  };
  let days = 60;
  let clickId = null;
  let tracking = Promise.resolve();

  const log = (...words) => settings.debug && console.log('[Affitor]', ...words);

  const readCookie = (name) => {
    const found = document.cookie.split('; ').find((pair) => pair.startsWith(`${name}=`));
    if (!found) return null;
    const text = found.slice(name.length + 1);
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };

  const writeCookie = (name, value, domain, maxAge = days * 86400) => {
    const secure = location.protocol === 'https:' ? '; Secure' : '';
    const where = domain ? `; Domain=${domain}` : '';
    document.cookie = `${name}=${encodeURIComponent(value)}; Path=/; Max-Age=${maxAge}; SameSite=Lax${secure}${where}`;
  };

  // The widest domain that takes a cookie, so that shop.example.com and www.example.com share it.
  const findDomain = () => {
    if (settings.cookieDomain !== null) return settings.cookieDomain;
    settings.cookieDomain = '';
    const labels = location.hostname.split('.');
    if (/^[\d.]+$|:/.test(location.hostname)) return '';
    for (let last = labels.length - 2; last >= 0; last -= 1) {
      const domain = labels.slice(last).join('.');
      writeCookie('affitor_probe', '1', domain, 60);
      if (!readCookie('affitor_probe')) continue;
      writeCookie('affitor_probe', '', domain, 0);
      settings.cookieDomain = domain;
      break;
    }
    return settings.cookieDomain;
  };

  const keepClick = (id, landing) => {
    clickId = id;
    writeCookie(CLICK, id, findDomain());
    if (landing) writeCookie(LANDING, landing, findDomain());
    log('click', id);
  };

  const post = async (what, body) => {
    const response = await fetch(`${settings.apiBase}/api/v1/track/${what}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      credentials: 'omit',
      keepalive: true,
      body: JSON.stringify({ ...body, page_url: location.href, program_id: settings.programId }),
    });
    const answer = await response.json().catch(() => null);
    if (!response.ok) console.error('[Affitor]', what, response.status, answer && answer.error);
    return response.ok ? answer : null;
  };

  const partnerOf = (url) => {
    try {
      return new URL(url).searchParams.get('aff');
    } catch {
      return null;
    }
  };

  // What fails must never break the page.
  const quietly = (work) => work.catch((error) => console.error('[Affitor]', error));

  // A page that the browser prepares ahead may never be seen.
  const shown = () =>
    new Promise((resolve) => {
      if (document.prerendering) document.addEventListener('prerenderingchange', resolve, { once: true });
      else resolve();
    });

  const trackClick = (landing = location.href, existing = null) => {
    tracking = quietly(
      shown()
        .then(() =>
          post('click', {
            affiliate_url: landing,
            page_title: document.title,
            referrer_url: document.referrer,
            user_agent: navigator.userAgent,
            screen_resolution: `${screen.width}x${screen.height}`,
            viewport_size: `${innerWidth}x${innerHeight}`,
            language: navigator.language,
            timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
            existing_click_id: existing,
          }),
        )
        .then((answer) => {
          if (!answer || !answer.click_id) return null;
          days = answer.cookie_window_days || days;
          keepClick(answer.click_id, landing);
          return answer.click_id;
        }),
    );
    return tracking;
  };

  const getClickId = () => clickId || readCookie(CLICK);

  const signup = (customerKey, email) =>
    quietly(
      tracking.then(() => {
        const click = getClickId();
        // Nobody referred this visitor: there is nothing to tell.
        if (!click || !customerKey) return null;
        return post('lead', { click_id: click, customer_key: String(customerKey), email: email || null });
      }),
    );

  const init = (options = {}) => {
    Object.assign(settings, options);
    const known = readCookie(CLICK);
    const query = new URLSearchParams(location.search);
    const partner = query.get('aff');
    const own = query.get('click_id');
    if (partner) {
      // The same partner again keeps the click; another one takes over.
      if (known && partnerOf(readCookie(LANDING)) === partner) clickId = known;
      else void trackClick(location.href, known);
    } else if (own && /^(clk|test)_\w+$/.test(own)) keepClick(own);
    else clickId = known;
  };

  const getData = () => ({
    clickId: getClickId(),
    programId: settings.programId,
    hasAttribution: getClickId() !== null,
    affiliateUrl: readCookie(LANDING),
  });

  window.affitor = { init, signup, trackClick, getClickId, getData };
  init();
})();
