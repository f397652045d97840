// What the theme leaves out for those who listen to a page, or who have no mouse.
document.addEventListener("DOMContentLoaded", () => {
  // These say what they do in their own words; the label in their place says less
  for (const element of document.querySelectorAll(".search-button-field, summary[aria-label]"))
    element.removeAttribute("aria-label");
  for (const summary of document.querySelectorAll(".has-children > details > summary"))
    summary.setAttribute("aria-label", `Pages of ${summary.closest("li").querySelector("a").textContent.trim()}`);

  // The list of pages is a part of the page that one can jump to, with the name and the search above it
  const sidebar = document.querySelector("#pst-primary-sidebar");
  sidebar?.setAttribute("role", "complementary");
  sidebar?.setAttribute("aria-label", "Name, search and pages");

  // A formula that scrolls can be reached by the Tab key, and scrolled with the arrow keys
  const reachFormulas = () => {
    for (const formula of document.querySelectorAll("mjx-container"))
      if (formula.scrollWidth > formula.clientWidth && formula.clientWidth) formula.tabIndex = 0;
      else formula.removeAttribute("tabindex");
  };
  // A full stop never begins a line, behind a formula either
  const keepMarks = () => {
    for (const formula of document.querySelectorAll("span.math")) {
      const after = formula.nextSibling;
      const mark = after?.nodeType === Node.TEXT_NODE && /^[.,;:!?)]+/.exec(after.data);
      if (!mark) continue;
      const together = document.createElement("span");
      together.className = "with-its-mark";
      after.splitText(mark[0].length);
      formula.replaceWith(together);
      together.append(formula, after);
    }
  };
  window.MathJax?.startup?.promise.then(keepMarks).then(reachFormulas);
  window.addEventListener("resize", reachFormulas);

  if (location.protocol === "file:") {
    // The live notebooks need a server, so a folder on a disk does without the links to them
    for (const link of document.querySelectorAll(".run")) link.remove();
    // and a page may not read another one, to show the words around what was found
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  }
});
