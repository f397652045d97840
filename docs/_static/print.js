// What a browser prints of a page: dark ink on white paper.

addEventListener("beforeprint", () => {
  const root = document.documentElement;
  const { theme } = root.dataset;
  if (theme !== "dark") return;
  root.dataset.theme = "light";
  addEventListener("afterprint", () => Object.assign(root.dataset, { theme }), { once: true });
});
