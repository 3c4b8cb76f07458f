// Runs in the page before anything else, and notes on the page's own clock (performance.now) what the viewer sees when.
(() => {
  const noted = { responses: [], mapPainted: null, locks: [] };
  const awaited = new Map(); // seat id -> the lock that was received
  let frame = 0;
  window.bench = noted;

  const count = () => {
    frame += 1;
    requestAnimationFrame(count);
  };
  requestAnimationFrame(count);

  // The frame that shows what has just changed, and the moment after it was painted. A task that is posted from the
  // last callback of a frame runs when the frame is done.
  const afterPaint = (tell) =>
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => tell(performance.now());
      port2.postMessage(null);
    });

  new PerformanceObserver((list) => {
    for (const { name, responseEnd } of list.getEntries())
      if (name.includes('/rpc/seat_states')) noted.responses.push(responseEnd);
  }).observe({ type: 'resource', buffered: true });

  let seen = false;
  new MutationObserver((mutations) => {
    if (!seen && document.querySelectorAll('[role=gridcell]').length >= window.benchSeats) {
      seen = true;
      afterPaint((at) => (noted.mapPainted = at));
    }
    for (const { target } of mutations) {
      const lock = target instanceof Element && awaited.get(Number(target.getAttribute('data-seat')));
      if (!lock || !target.getAttribute('aria-label').endsWith(window.benchHeld)) continue;
      awaited.delete(lock.seat);
      lock.rendered = performance.now();
      requestAnimationFrame(() => (lock.frames = frame - lock.frame));
      afterPaint((at) => {
        lock.painted = at;
        noted.locks.push(lock);
      });
    }
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['aria-label'] });

  const text = (data) => (typeof data === 'string' ? data : new TextDecoder().decode(data));
  window.WebSocket = class extends WebSocket {
    constructor(...options) {
      super(...options);
      // Before the page's own listener, so the clock starts when the message arrives.
      this.addEventListener('message', ({ data }) => {
        const heard = performance.now();
        const said = text(data);
        const seat = said.includes('seat:lock') && /"seat_ids":\s*\[(\d+)\]/.exec(said)?.[1];
        if (seat) awaited.set(Number(seat), { seat: Number(seat), heard, frame });
      });
    }
  };
})();
