// What is live on a page of the website, where no Python runs. Each page is whole without this script, which then shows
// what is stored: pictures stand still.
"use strict";

globalThis.course ??= {};

/** Where the website's own files are, as seen from this page. */
course.files = `${document.documentElement.dataset.content_root}_static/`;

/** Load one of the website's scripts. */
course.load = (name) =>
  new Promise((resolve, reject) => {
    document.head.append(course.make("script", { src: course.files + name, onload: resolve, onerror: reject }));
  });

/** An element with properties and children: `make("p", { className: "words" }, "text")`. */
course.make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};

/** Call a function once, when an element comes near the screen. */
course.whenNear = (element, then) => {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      then();
    },
    { rootMargin: "600px" },
  );
  observer.observe(element);
};

// ------------------------------------------------------------------------------------------------------- sliders

/**
 * Give a stored picture the sliders of its widget, and what tools/recordings.py has recorded of it.
 *
 * A setting is a position for each slider; under "3,0", `settings` has its picture and its words. Where not all
 * combinations were recorded, a slider that moves sends the others back to their start.
 *
 * @param {HTMLScriptElement} script - { sliders, why, settings } as JSON, behind the picture
 */
course.letSlidersMove = (script) => {
  const { make } = course;
  const { sliders, why, settings } = JSON.parse(script.textContent);
  const folder = `${course.files}recordings/`;
  const start = sliders.map((slider) => slider.start);
  const combinations = sliders.reduce((product, { texts }) => product * texts.length, 1);
  let now = start; // of the sliders
  let shown = start; // in the picture and its words: the same, but while a picture loads

  const moved = (i, position) => {
    const from = (setting) => setting.map((old, k) => (k === i ? position : old));
    return from(now).join() in settings ? from(now) : from(start);
  };
  const loaded = new Map(); // kept, so that the browser keeps them too; one that fails may be asked for again
  const load = (name) => {
    if (!loaded.has(name)) loaded.set(name, make("img", { src: folder + name, onerror: () => loaded.delete(name) }));
    return loaded.get(name);
  };
  const loadNeighbors = () => {
    for (const i of now.keys())
      for (const step of [1, -1]) {
        const [name] = settings[moved(i, now[i] + step).join()] ?? [];
        if (name) load(name);
      }
  };

  const picture = [...script.parentElement.querySelectorAll("img")].at(-1);
  const words = make("p", { className: "recorded-words", ariaLive: "polite" });
  const box = make("div", { className: "recorded" });
  const number = document.querySelectorAll(".recorded").length;
  const rows = sliders.map(({ label, texts }, i) => {
    const id = `slider-${number}-${i}`;
    const input = make("input", { type: "range", id, min: 0, max: texts.length - 1, autocomplete: "off" });
    const value = make("span", { ariaHidden: "true" }); // the slider says it
    input.addEventListener("input", () => show(moved(i, input.valueAsNumber)));
    box.append(make("label", { htmlFor: id }, label), input, value);
    return { input, value };
  });
  const tellSliders = () => {
    for (const [i, { input, value }] of rows.entries()) {
      input.value = now[i];
      input.ariaValueText = value.textContent = sliders[i].texts[now[i]];
    }
    words.ariaBusy = now !== shown;
  };
  const tell = (note = "") => {
    tellSliders();
    words.textContent = settings[shown.join()][1] + note;
  };
  const show = async (setting) => {
    now = setting;
    tellSliders();
    const [name] = settings[setting.join()];
    const image = load(name);
    await image.decode().catch(() => {}); // one that failed has no width
    if (now !== setting) return; // the newest move counts
    if (image.naturalWidth) {
      shown = setting;
      picture.src = image.src;
      tell();
    } else {
      now = shown;
      tell(" (The picture of the setting you chose could not be loaded; this is still the one before.)");
    }
    loadNeighbors();
  };

  if (why) {
    const button = make("button", { type: "button", onclick: () => show(start) }, "Back to a good setting");
    box.append(make("p", {}, button, make("span", {}, why)));
  }
  const notes = sliders
    .filter(({ texts, of }) => texts.length < of)
    .map(({ label, texts, of }) => `“${label}” has ${texts.length} of its ${of} positions here.`);
  if (Object.keys(settings).length < combinations)
    notes.push(
      "On this page you move one slider at a time, and the others go back; in the notebook you move them all.",
    );
  if (notes.length) box.append(make("p", {}, notes.join(" ")));
  tell();
  picture.alt = ""; // the words below it say what it shows
  const stored = picture.closest("a") ?? picture; // it leads to its file
  const frame = make("div", { className: "recorded-picture" }, picture);
  stored.replaceWith(box, frame, words);
  if (frame.scrollWidth > frame.clientWidth) frame.tabIndex = 0; // on a phone it scrolls, by keys too
  course.whenNear(box, loadNeighbors);
};

document.addEventListener("DOMContentLoaded", () => {
  for (const script of document.querySelectorAll("script.recording")) course.letSlidersMove(script);
});
