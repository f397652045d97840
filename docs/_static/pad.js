// The drawing pad of a page: a sheet, and beside it what a network sees and says, at each point of a stroke. The sheet is
// the notebook's (mnist_scratch/classroom/drawing.js), reader.js reads it, relu-128-64.js holds the network.

(() => {
  const CALM = 500; // milliseconds without a change until the words are said
  const BRIGHTEST = 5; // the activation that a unit shows in full color

  /** Put a pad into an element, in the place of what it holds. */
  function showPad(element) {
    const { name, sizes, accuracy, example } = course.reader;
    const net = course.networkOf(course.reader);
    const hidden = sizes.slice(1, -1);
    const digits = [...Array(10).keys()];
    const results = `${document.documentElement.dataset.content_root}results/comparison.html`;
    const units = hidden.map((n, layer) => {
      const what = `The ${n} units of hidden layer ${layer + 1}: white is 0, red is ${BRIGHTEST} or more`;
      return `<figure><canvas width="${n / 16}" height="16" role="img" aria-label="${what}"></canvas>
        <figcaption>${n} units</figcaption></figure>`;
    });
    element.classList.add("live");
    element.innerHTML = `
      <div class="drawing-sheet"></div>
      <div class="drawing-reading">
        <div class="drawing-layers">
          <figure><canvas width="28" height="28" role="img" aria-label="The digit as the network sees it"></canvas>
            <figcaption>28 × 28 pixels</figcaption></figure>${units.join("")}
        </div>
        <ol class="drawing-bars" aria-label="Probability of each digit">
          ${digits.map((k) => `<li><b>${k}</b><span class="drawing-bar"></span><span></span></li>`).join("")}
        </ol>
      </div>
      <div class="drawing-words" aria-live="polite"></div>
      <p class="drawing-network">Read here, in the page, by <a href="${results}">${name}</a>, which gets
        ${(100 * accuracy).toFixed(1)}% of the test images right.</p>`;
    const canvases = [...element.querySelectorAll("canvas")];
    const bars = [...element.querySelectorAll(".drawing-bars li")];
    const words = element.querySelector(".drawing-words");

    let strokes = example;
    let replaced = null; // tells the sheet that its strokes were
    let asked = false; // for the next frame of the screen
    let calm = null;
    const show = () => {
      asked = false;
      const {
        row = new Float32Array(784),
        layers = sizes.slice(1).map((n) => new Float64Array(n)),
        words: said,
      } = course.read(net, strokes);
      paint(canvases[0], row, (ink) => [1 - ink, 1 - ink, 1 - ink]);
      hidden.forEach((_, layer) => {
        paint(canvases[layer + 1], layers[layer], (a) => [1, 1 - a / BRIGHTEST, 1 - a / BRIGHTEST]);
      });
      const probabilities = layers.at(-1);
      const most = Math.max(...probabilities);
      bars.forEach((bar, k) => {
        bar.style.setProperty("--probability", probabilities[k]);
        bar.classList.toggle("largest", probabilities[k] === most && most > 0);
        bar.lastChild.textContent = `${(100 * probabilities[k]).toFixed(0)}%`;
      });
      clearTimeout(calm);
      calm = setTimeout(() => {
        words.textContent = said + (strokes === example ? " An example: clear it and draw your own." : "");
      }, CALM);
    };
    const model = {
      get: (trait) => ({ strokes, pen: course.pen, wait: 0 })[trait],
      set: (_, value) => {
        strokes = value;
      },
      save_changes: () => {
        if (!asked) requestAnimationFrame(show);
        asked = true;
      },
      on: (_, listener) => {
        replaced = listener;
      },
    };
    const sheet = element.querySelector(".drawing-sheet");
    course.drawing.render({ model, el: sheet });
    const button = (label, change) => {
      const made = document.createElement("button");
      made.textContent = label;
      made.onclick = () => {
        strokes = change();
        replaced();
        model.save_changes();
      };
      return made;
    };
    sheet.append(
      button("Clear", () => []),
      button("Undo last stroke", () => strokes.slice(0, -1)),
    );
    show();
  }

  // Values as pixels; a color is red, green and blue, each from 0 to 1
  function paint(canvas, values, color) {
    const picture = new ImageData(canvas.width, canvas.height);
    picture.data.set([...values].flatMap((value) => [...color(value).map((part) => 255 * part), 255]));
    canvas.getContext("2d").putImageData(picture, 0, 0);
  }

  // The network is large: it and the rest are loaded, one after the other, when a pad comes near the screen
  const FILES = ["reader.js", "drawing.js", "relu-128-64.js"];
  const folder = document.currentScript.src.replace(/[^/]*$/, "");
  const load = (name) =>
    new Promise((resolve, reject) => {
      const script = document.createElement("script");
      Object.assign(script, { src: folder + name, onload: resolve, onerror: reject });
      document.head.append(script);
    });
  document.addEventListener("DOMContentLoaded", () => {
    const pad = document.querySelector("[data-pad]");
    if (!pad) return;
    const observer = new IntersectionObserver(
      async ([entry]) => {
        if (!entry.isIntersecting) return;
        observer.disconnect();
        for (const name of FILES) await load(name);
        showPad(pad);
      },
      { rootMargin: "600px" },
    );
    observer.observe(pad);
  });
})();
