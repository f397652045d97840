// What a browser prints of a page: solutions unfolded, and dark ink on white paper.

addEventListener("beforeprint", () => {
  const root = document.documentElement;
  const { theme } = root.dataset;
  const folded = [...document.querySelectorAll("details.solution:not([open])")];
  for (const solution of folded) solution.open = true;
  if (theme === "dark") root.dataset.theme = "light";
  addEventListener(
    "afterprint",
    () => {
      for (const solution of folded) solution.open = false;
      if (theme) root.dataset.theme = theme;
    },
    { once: true },
  );
});
