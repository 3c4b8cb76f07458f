// The least that the same browser does: paints so many rectangles, and colors one after a message. Returns the
// milliseconds until each was painted.
async ({ seats, changes }) => {
  const afterPaint = () =>
    new Promise((resolve) =>
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => resolve(performance.now());
        port2.postMessage(null);
      }),
    );
  const rects = Array.from({ length: seats }, (_, n) => {
    const [x, y] = [n % 30, Math.floor(n / 30)];
    return `<rect x="${x}" y="${y}" width=".8" height=".8" rx=".2" fill="silver" />`;
  });
  const began = performance.now();
  document.body.innerHTML = `<svg viewBox="0 0 30 ${seats / 30}" width="900">${rects.join('')}</svg>`;
  const map = (await afterPaint()) - began;
  const locks = [];
  for (const rect of [...document.querySelectorAll('rect')].slice(0, changes)) {
    await new Promise((wake) => setTimeout(wake, 50 + Math.random() * 50));
    const { port1, port2 } = new MessageChannel();
    const heard = new Promise((resolve) => (port1.onmessage = () => resolve(performance.now())));
    port2.postMessage(null);
    const at = await heard;
    rect.setAttribute('fill', 'crimson');
    locks.push((await afterPaint()) - at);
  }
  return { map, locks };
};
