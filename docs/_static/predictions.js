// Choose, then see. A question's options become buttons, and what came out of the cells below it, to the next heading or
// question, waits until one is chosen, as in a notebook that is not yet run; so does the text that tells the answer. A
// link into it, a search and print show it anyway. Without this script, all of it stands on the page.

document.addEventListener("DOMContentLoaded", () => {
  const blocks = [...document.querySelectorAll("section > :not(section)")];
  const isCell = (block) => block.classList.contains("cell");
  const isHeading = (block) => /^H[1-6]$/.test(block.tagName);
  const { make } = course;

  /**
   * What waits for the answer: outputs, to the next heading or question; and the text that tells of them, from the first
   * of them to the first code below the reveal. From there on sliders are free to move.
   */
  const whatWaits = (question, reveal) => {
    const found = [];
    const last = blocks.indexOf(reveal.closest(".cell"));
    let [below, told] = [false, false]; // text below the reveal; code below that
    for (let i = blocks.indexOf(question.closest(".cell")) + 1; i < blocks.length; i++) {
      const block = blocks[i];
      const asks = block.querySelector(".prediction");
      if (i > last && (isHeading(block) || asks)) break;
      if (isCell(block)) {
        told ||= below;
        if (!asks && !(told && block.querySelector(".recording")))
          found.push(...block.querySelectorAll(":scope > .cell_output"));
      } else if (!isHeading(block) && found.length && !told) {
        found.push(block);
        below = i > last;
      }
    }
    return found;
  };

  const questions = [...document.querySelectorAll(".prediction")].flatMap((box) => {
    const reveal = document.querySelector(`.reveal[data-question="${box.id}"]`);
    return reveal ? [{ box, reveal, answer: null, waiting: whatWaits(box, reveal) }] : [];
  });

  /** Hide what waits for an answer, and nothing else; "until-found" lets a search and a link in. */
  const update = () => {
    for (const block of new Set(questions.flatMap((question) => question.waiting))) {
      const first = questions.find((question) => question.answer === null && question.waiting.includes(block));
      if (first) block.setAttribute("hidden", "until-found");
      else block.removeAttribute("hidden");
      const note = block.previousElementSibling;
      if (!note?.matches(".not-yet")) continue;
      note.hidden = !first;
      if (first) note.firstElementChild.href = `#${first.box.id}`;
    }
  };

  /** Of a reveal, show what each answer tells. */
  const tellAll = (reveal) => {
    reveal.querySelector(".said")?.remove();
    reveal.firstElementChild.removeAttribute("hidden");
  };

  /** Of a reveal, show what concerns the choice, or all of it. */
  const tell = ({ reveal, answer }) => {
    tellAll(reveal);
    if (answer === "all") return;
    const all = reveal.firstElementChild;
    const said = make("div", { className: "said d-print-none" });
    const more = make("button", { type: "button", className: "plain" }, "Show what each answer tells");
    more.addEventListener("click", () => {
      tellAll(reveal);
      all.tabIndex = -1; // the button that had the focus is gone
      all.focus();
    });
    said.append(reveal.querySelectorAll("template")[answer].content.cloneNode(true), more);
    all.setAttribute("hidden", "until-found");
    all.after(said);
  };

  /** Answer a question with an option's place in the list, or with "all": show all of it without choosing. */
  const give = (question, answer) => {
    const options = [...question.box.querySelectorAll("[aria-pressed]")];
    question.answer = answer;
    for (const [i, option] of options.entries()) option.setAttribute("aria-pressed", String(i === answer));
    question.box.querySelector("[role=status]").textContent =
      answer === "all"
        ? "All answers are shown below."
        : `You say “${options[answer].textContent.replace(/\.$/, "")}”. What came out is shown below.`;
    update();
    tell(question);
  };

  // A choice is kept for the visit, where the browser lets a page keep something
  const place = (question) => `${location.pathname}#${question.box.id}`;
  const kept = (question) => {
    try {
      return sessionStorage.getItem(place(question));
    } catch {
      return null;
    }
  };
  const choose = (question, option) => {
    give(question, option);
    try {
      sessionStorage.setItem(place(question), option);
    } catch {
      // then it is forgotten with the page
    }
  };

  for (const question of questions) {
    const asked = question.box.firstElementChild;
    const options = [...asked.children].filter((part) => part.tagName === "DIV");
    const legend = make("legend", { innerHTML: asked.innerHTML.split("<div")[0] });
    const buttons = options.map((option, i) => {
      const button = make("button", {
        type: "button",
        ariaPressed: "false",
        innerHTML: option.innerHTML.replace(/^[○●] /, ""),
      });
      button.addEventListener("click", () => choose(question, i));
      return button;
    });
    const plain = make("button", { type: "button", className: "plain" }, "Show without choosing");
    plain.addEventListener("click", () => give(question, "all"));
    const status = make("p");
    status.setAttribute("role", "status");
    const fieldset = make("fieldset", { className: "d-print-none" });
    fieldset.append(legend, ...buttons, plain, status);
    asked.classList.add("as-printed");
    question.box.append(fieldset);
    for (const output of question.waiting.filter((block) => block.matches(".cell_output")))
      if (!output.previousElementSibling?.matches(".not-yet"))
        output.before(
          make(
            "p",
            { className: "not-yet d-print-none" },
            make("a", {}, "Choose an answer"),
            " to see what came out here.",
          ),
        );
  }
  for (const question of questions) {
    const option = Number.parseInt(kept(question), 10);
    if (question.box.querySelectorAll("[aria-pressed]")[option]) give(question, option);
  }
  update();

  /** Show all that hides an element; a choice stays chosen. */
  const show = (element) => {
    if (!element?.closest("[hidden=until-found]")) return;
    for (const question of questions)
      if (question.answer === null && question.waiting.some((block) => block.contains(element))) give(question, "all");
      else if (question.reveal.contains(element)) tellAll(question.reveal);
  };
  document.addEventListener("beforematch", (event) => show(event.target)); // the browser's search, and its links
  const showTarget = () => show(document.querySelector(":target"));
  for (const moment of ["load", "hashchange"]) window.addEventListener(moment, showTarget);
  // the site's search, sphinx_highlight.js, marks its words 10 ms after the page is there
  setTimeout(() => document.querySelectorAll(".highlighted").forEach(show), 10);
});
