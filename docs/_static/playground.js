// A network that trains on digits in the page, while one turns its settings. First the arithmetic, in float64 as that of
// mnist_scratch: from the same weights, with the same batches, `Network` and `SGD` take the same steps. Then the page's
// part: sliders, pictures, and the settings in the address, so that a link leads to this experiment.

globalThis.course ??= {};
(() => {
  const [PIXELS, HIDDEN, CLASSES, SIDE] = [784, 16, 10, 28];
  const PACE = 3; // digits a millisecond: three epochs a second
  const BUDGET = 6; // milliseconds of training in a frame, so that the page stays smooth on a slow machine
  const MOST_POINTS = 400; // of a curve; with more, every second one is dropped
  const SETTINGS = {
    eta: { label: "learning rate η", values: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10], start: 0.1 },
    lambda: { label: "weight decay λ", values: [0, 0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1], start: 0.001 },
    m: { label: "batch size m", values: [1, 4, 16, 32, 64, 256, 1000], start: 32 },
    mu: { label: "momentum μ", values: [0, 0.5, 0.9, 0.95], start: 0.9 },
    seed: { values: Array.from({ length: 100 }, (_, seed) => seed), start: 1 },
  };

  /** A function that draws numbers from 0 up to 1: from the same seed, the same numbers (known as mulberry32). */
  const generator = (seed) => () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let bits = Math.imul(seed ^ (seed >>> 15), seed | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };

  /** Turn logits Z, (10,), into probabilities, in place; returns −log of the label's. */
  function softmax(Z, label) {
    let largest = Z[0];
    for (let k = 1; k < CLASSES; k++) largest = Math.max(largest, Z[k]);
    const shifted = Z[label] - largest;
    let sum = 0;
    for (let k = 0; k < CLASSES; k++) sum += Z[k] = Math.exp(Z[k] - largest);
    for (let k = 0; k < CLASSES; k++) Z[k] /= sum;
    return Math.log(sum) - shifted;
  }

  /** 784 pixels, 16 hidden units of ReLU, 10 softmax outputs; and the velocity of its training. */
  class Network {
    /** parameters: [W¹ (784, 16), b¹ (16), W² (16, 10), b² (10)], lists of numbers, matrices row after row. */
    constructor(parameters) {
      this.parameters = parameters.map((values) => Float64Array.from(values));
      this.gradients = parameters.map((values) => new Float64Array(values.length));
      this.velocity = parameters.map((values) => new Float64Array(values.length));
      [this.Z1, this.dZ1, this.Z2] = [HIDDEN, HIDDEN, CLASSES].map((n) => new Float64Array(n));
    }

    /** Biases of 0 and weights as He et al. (2015) draw them: normal, with standard deviation √(2/n_in). */
    static random(draw) {
      const normal = () => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
      const layer = (n_in, n_out) => [
        Array.from({ length: n_in * n_out }, () => Math.sqrt(2 / n_in) * normal()),
        Array(n_out).fill(0),
      ];
      return new Network([...layer(PIXELS, HIDDEN), ...layer(HIDDEN, CLASSES)]);
    }

    /** The logits of a digit, Z² (10,), in an array that the next call uses again; Z¹ (16,) stays in Z1. */
    forward({ places, values }) {
      const [W1, b1, W2, b2] = this.parameters;
      const { Z1, Z2 } = this;
      for (let j = 0; j < HIDDEN; j += 4) {
        let [a, b, c, d] = [b1[j], b1[j + 1], b1[j + 2], b1[j + 3]]; // four sums at a time take half the time
        for (let n = 0; n < places.length; n++) {
          const x = values[n];
          const i = HIDDEN * places[n] + j;
          a += x * W1[i];
          b += x * W1[i + 1];
          c += x * W1[i + 2];
          d += x * W1[i + 3];
        }
        [Z1[j], Z1[j + 1], Z1[j + 2], Z1[j + 3]] = [a, b, c, d];
      }
      Z2.set(b2);
      for (let j = 0; j < HIDDEN; j++)
        if (!(Z1[j] <= 0)) for (let k = 0; k < CLASSES; k++) Z2[k] += Z1[j] * W2[CLASSES * j + k]; // NaN goes on, too
      return Z2;
    }

    /** The mean cross-entropy of a batch of digits, whose gradients, without the penalty's, are in `gradients` then. */
    lossAndGradients(batch) {
      const [dW1, db1, dW2, db2] = this.gradients;
      const [W2, { Z1, dZ1 }] = [this.parameters[2], this];
      for (const gradient of this.gradients) gradient.fill(0);
      let loss = 0;
      for (const digit of batch) {
        const dZ2 = this.forward(digit);
        loss += softmax(dZ2, digit.label) / batch.length;
        dZ2[digit.label] -= 1; // ŷ − y
        for (let k = 0; k < CLASSES; k++) db2[k] += dZ2[k] /= batch.length;
        for (let j = 0; j < HIDDEN; j++) {
          dZ1[j] = 0;
          if (Z1[j] <= 0) continue;
          for (let k = 0; k < CLASSES; k++) {
            dW2[CLASSES * j + k] += Z1[j] * dZ2[k];
            dZ1[j] += dZ2[k] * W2[CLASSES * j + k];
          }
          db1[j] += dZ1[j];
        }
        const { places, values } = digit;
        for (let n = 0; n < places.length; n++) {
          const x = values[n];
          const row = HIDDEN * places[n];
          for (let j = 0; j < HIDDEN; j++) dW1[row + j] += x * dZ1[j];
        }
      }
      return loss;
    }

    /** One step of SGD: v ← μv + g, w ← w − ηv, where g has the slope λw of the penalty (λ/2)‖W‖²; biases pay none. */
    step({ eta, lambda, mu }) {
      this.parameters.forEach((w, which) => {
        const [g, v, decay] = [this.gradients[which], this.velocity[which], which % 2 ? 0 : lambda];
        for (let i = 0; i < w.length; i++) {
          v[i] = mu * v[i] + g[i] + decay * w[i];
          w[i] -= eta * v[i];
        }
      });
    }

    /** On digits: [{ loss, accuracy }, misread], the mean cross-entropy, and those misread, each with the answer. */
    measure(digits) {
      let loss = 0;
      const misread = [];
      for (const digit of digits) {
        const outputs = this.forward(digit);
        loss += softmax(outputs, digit.label) / digits.length;
        const answer = outputs.indexOf(Math.max(...outputs));
        if (answer !== digit.label) misread.push({ digit, answer });
      }
      return [{ loss, accuracy: 1 - misread.length / digits.length }, misread];
    }
  }

  /** Mini-batch gradient descent whose settings may change between two steps, and the curve of what it reached. */
  class Training {
    /** digits: {training, validation}, as `unpack` gives them. */
    constructor({ training, validation }, seed) {
      this.draw = generator(seed);
      this.network = Network.random(this.draw);
      Object.assign(this, { training: [...training], validation, steps: 0, epochs: 0, position: 0 });
      Object.assign(this, { curve: [], every: 0.25, diverged: false });
      this.record();
    }

    /** How often all digits were used, a fraction included. */
    get epoch() {
      return this.epochs + this.position / this.training.length;
    }

    /** Take one step, unless its loss is no finite number: then training has diverged. Returns how many digits it used. */
    step(settings) {
      if (this.position === 0) this.shuffle();
      const batch = this.training.slice(this.position, this.position + settings.m);
      this.diverged ||= !Number.isFinite(this.network.lossAndGradients(batch));
      if (this.diverged) return 0;
      this.network.step(settings);
      this.steps += 1;
      this.position = (this.position + batch.length) % this.training.length;
      this.epochs += this.position === 0;
      if (this.epoch >= this.curve.at(-1).epoch + this.every) this.record();
      return batch.length;
    }

    /** Bring the training digits into a new order. */
    shuffle() {
      const places = new Map(this.training.map((digit) => [digit, this.draw()]));
      this.training.sort((one, other) => places.get(one) - places.get(other));
    }

    /** Measure the network and add a point to the curve. */
    record() {
      const [training] = this.network.measure(this.training);
      const [validation, misread] = this.network.measure(this.validation);
      this.diverged ||= !Number.isFinite(training.loss + validation.loss);
      if (this.diverged || this.curve.at(-1)?.epoch === this.epoch) return;
      this.curve.push({ epoch: this.epoch, training, validation });
      this.misread = misread;
      if (this.curve.length <= MOST_POINTS) return;
      this.every *= 2;
      this.curve = this.curve.filter((_, n) => n % 2 === 0);
    }
  }

  /** The digits of digits.js, {training, validation}: their pixels that are not 0, of 784, and their values up to 1. */
  async function unpack({ labels, packed, training }) {
    const text = atob(packed);
    const bytes = new Uint8Array(text.length).map((_, n) => text.charCodeAt(n));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const pixels = new Uint8Array(await new Response(stream).arrayBuffer());
    const digits = [...labels].map((label, n) => {
      const image = pixels.subarray(PIXELS * n, PIXELS * (n + 1));
      const [places, values] = [[], []];
      image.forEach((ink, place) => {
        if (!ink) return;
        places.push(place);
        values.push(Math.fround(ink / 255));
      });
      return { label: Number(label), image, places: new Uint16Array(places), values: new Float64Array(values) };
    });
    return { training: digits.slice(0, training), validation: digits.slice(training) };
  }

  /** The settings in an address such as #eta=0.1&lambda=0&m=32&mu=0&seed=1; for nonsense the nearest, or the usual. */
  function fromAddress(hash) {
    const asked = new URLSearchParams(hash.slice(1));
    const choose = ([name, { values, start }]) => {
      const wanted = Number.parseFloat(asked.get(name) ?? start);
      const off = (value) => Math.abs(value - Math.min(wanted, 1e9));
      return [name, Number.isNaN(wanted) ? start : values.reduce((a, b) => (off(b) < off(a) ? b : a))];
    };
    return Object.fromEntries(Object.entries(SETTINGS).map(choose));
  }

  // ------------------------------------------------------------------------------------------------ the page

  const [PARTS, TOPS] = [["training", "validation"], { loss: 2.5, accuracy: 1 }];
  const percent = (fraction) => `${(100 * fraction).toFixed(1)}%`;
  const slider = ([name, { label, values }]) => `
    <label>${label} <span aria-hidden="true"></span>
      <input type="range" name="${name}" max="${values.length - 1}"></label>`;
  const plot = (what, top) => `
    <figure data-of="${what}"><figcaption><b>${what}</b><br>
      ${PARTS.map((part) => `<span class="${part}">${part} <b></b></span>`).join(" ")}</figcaption>
      <div class="playground-plot"><span>${top}</span>
        <svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="The ${what} so far as curves">
          ${PARTS.map((part) => `<polyline class="${part}" />`).join("")}</svg><span>0</span></div></figure>`;
  const TEMPLATE = `
    <form autocomplete="off">${Object.entries(SETTINGS).slice(0, 4).map(slider).join("")}</form>
    <div class="playground-buttons">
      <button name="run">Start</button>
      <button name="step" title="Take one step">Step</button>
      <button name="reset" title="Go back to the initial weights">Reset</button>
      <button name="other" title="Begin with other random weights">Other start</button>
      <button name="copy" title="Copy a link that leads to these settings">Copy link</button><output></output></div>
    <p class="playground-words"></p>
    <div class="playground-pictures">
      <div>${plot("loss", "2.5")}${plot("accuracy", "100%")}<p class="playground-span"></p></div>
      <figure><figcaption><b>weights of 16 units</b><br>
        <b class="excites">red</b> excites, <b class="inhibits">blue</b> inhibits</figcaption>
        <canvas class="playground-weights" width="118" height="118" role="img"
          aria-label="The 784 weights of each hidden unit as a picture: noise at first, strokes later"></canvas></figure>
      <figure><figcaption><b>misread: <span></span></b><br>digit → read as</figcaption><ul></ul></figure></div>`;

  /** Paint 28 × 28 pixels on a canvas; color gives the n-th as one number, 0xAABBGGRR. */
  function paint(canvas, left, top, color) {
    const picture = new ImageData(SIDE, SIDE);
    const colors = new Uint32Array(picture.data.buffer);
    for (let n = 0; n < PIXELS; n++) colors[n] = color(n);
    canvas.getContext("2d").putImageData(picture, left, top);
  }

  /** Paint each hidden unit's weights as a tile, scaled by the largest of them: red above 0, blue below, white 0. */
  function paintWeights(canvas, W1) {
    for (let unit = 0; unit < HIDDEN; unit++) {
      let largest = 1e-12;
      for (let i = unit; i < W1.length; i += HIDDEN) largest = Math.max(largest, Math.abs(W1[i]));
      paint(canvas, (SIDE + 2) * (unit % 4), (SIDE + 2) * Math.floor(unit / 4), (n) => {
        const weight = W1[HIDDEN * n + unit] / largest;
        const white = Math.round(255 * (1 - Math.abs(weight)));
        return weight > 0 ? 0xff0000ff + 0x10100 * white : 0xffff0000 + 0x101 * white;
      });
    }
  }

  /** Where a training stands, in words. */
  function words({ diverged, steps, epoch, curve, misread, network }, { eta, lambda, mu }, state) {
    const step = `step ${steps.toLocaleString("en")}`;
    const advice = "Try a smaller learning rate.";
    if (diverged)
      return `Diverged after ${step}, with η = ${eta}, λ = ${lambda} and μ = ${mu}: the loss is no finite number any more. ${advice}`;
    if (!steps)
      return "784 pixels, 16 hidden units, 10 answers. Press Start: the network learns from 1,000 digits, and 500 others show how well it reads what it has not learned.";
    const { training, validation } = curve.at(-1);
    const answer = misread[0]?.answer;
    const dead = misread.length > 300 && misread.every((other) => other.answer === answer);
    const held = network.parameters[2].every((weight) => Math.abs(weight) < 0.01); // nothing else leaves so little
    const wayOut = held ? "λ holds its weights near 0: try a smaller λ." : `Press Reset. ${advice}`;
    return `${state}: ${step}, epoch ${epoch.toFixed(1)}. The network reads ${percent(training.accuracy)} of the 1,000 digits that it learns from, and ${percent(validation.accuracy)} of 500 others.${dead ? ` It says ${answer} to every digit. ${wayOut}` : ""}`;
  }

  /** Make a playground of an element, with the digits that `unpack` gives. */
  function play(place, digits) {
    place.innerHTML = TEMPLATE;
    const find = (selector) => place.querySelector(selector);
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    let settings, training, drawn;
    let [running, inSight, next, before, credit, shown] = [false, false, 0, 0, 0, 0];

    function begin() {
      training = new Training(digits, settings.seed);
      running = false;
    }

    function open() {
      settings = fromAddress(location.hash);
      begin();
      update();
      if (isExperiment()) place.closest("section").scrollIntoView();
    }

    function goOn() {
      cancelAnimationFrame(next);
      if (running && inSight) next = requestAnimationFrame(frame);
    }

    function frame(now) {
      const end = performance.now() + BUDGET;
      credit = Math.min(credit + PACE * (now - before), 50 * PACE);
      before = now;
      while (credit > 0 && !training.diverged && performance.now() < end) credit -= training.step(settings);
      if (training.diverged) return update();
      if (now - shown > (calm.matches ? 500 : 0)) draw(now);
      goOn();
    }

    /** After a slider or a button: show the settings, and train or stand still. */
    function update() {
      running &&= !training.diverged;
      if (!running) training.record();
      for (const input of place.querySelectorAll("input")) {
        input.value = SETTINGS[input.name].values.indexOf(settings[input.name]);
        input.ariaValueText = input.previousElementSibling.textContent = settings[input.name];
      }
      find("[name=run]").textContent = running ? "Pause" : "Start";
      find(".playground-words").ariaLive = running ? "off" : "polite";
      draw(performance.now());
      goOn();
    }

    function draw(now) {
      shown = now;
      find(".playground-words").textContent = words(training, settings, running ? "Training" : "Paused");
      paintWeights(find(".playground-weights"), training.network.parameters[0]);
      if (drawn === training.curve.at(-1)) return;
      drawn = training.curve.at(-1);
      drawCurves();
      const { misread } = training;
      find("figcaption > b > span").textContent = `${misread.length} of ${digits.validation.length}`;
      const item = ({ digit, answer }) => `<li><canvas width="28" height="28"></canvas>${digit.label} → ${answer}</li>`;
      find("ul").innerHTML = misread.slice(0, 12).map(item).join("");
      for (const [which, canvas] of place.querySelectorAll("li canvas").entries())
        paint(canvas, 0, 0, (n) => 0xffffffff - 0x10101 * misread[which].digit.image[n]);
    }

    function drawCurves() {
      const span = 10 * 2 ** Math.max(0, Math.ceil(Math.log2(drawn.epoch / 10)));
      find(".playground-span").textContent = `${span} epochs`;
      for (const part of PARTS)
        for (const [what, top] of Object.entries(TOPS)) {
          const y = (point) => 100 - Math.min(100, (100 * point[part][what]) / top);
          const points = training.curve.map((point) => `${(100 * point.epoch) / span},${y(point)}`);
          find(`[data-of=${what}] polyline.${part}`).setAttribute("points", points.join(" "));
          const value = drawn[part][what];
          find(`[data-of=${what}] .${part} b`).textContent = what === "loss" ? value.toPrecision(3) : percent(value);
        }
    }

    const address = (experiment = settings) => `${location.href.split("#")[0]}#${new URLSearchParams(experiment)}`;
    const actions = {
      run() {
        [running, before, credit] = [!running, performance.now(), 1];
      },
      step() {
        training.step(settings);
        running = false;
      },
      reset: begin,
      other() {
        settings.seed = (settings.seed + 1) % SETTINGS.seed.values.length;
        begin();
      },
      copy() {
        const local = location.protocol === "file:" ? " It opens on this computer only, where these pages lie." : "";
        const copied = navigator.clipboard?.writeText(address()) ?? Promise.reject();
        copied.then(() => say(`Copied.${local}`)).catch(() => say("This page may not copy: take its address."));
      },
      turn({ target }) {
        settings[target.name] = SETTINGS[target.name].values[target.value];
      },
    };
    const say = (text) => {
      find(".playground-buttons output").value = text;
    };
    const react = (name) => (event) => {
      say("");
      if (training.diverged && name !== "copy") begin();
      actions[name](event);
      update();
      history.replaceState(null, "", address()); // last: where it comes too often, a browser may refuse
    };
    for (const button of place.querySelectorAll("button")) button.onclick = react(button.name);
    find("form").oninput = react("turn");
    addEventListener("hashchange", () => {
      const another = address(fromAddress(location.hash)) !== address(); // else one comes back to what is here
      if (isExperiment() && another) open();
    });
    new IntersectionObserver((entries) => {
      [inSight, before] = [entries.at(-1).isIntersecting, performance.now()];
      goOn();
    }).observe(place);
    open();
  }

  Object.assign(course, { Network, Training, unpack, fromAddress });

  // The digits come when the playground comes near the screen; till then, and without them, a picture stands there
  const isExperiment = () =>
    Object.keys(SETTINGS).some((name) => new URLSearchParams(location.hash.slice(1)).has(name));
  for (const place of document.querySelectorAll("[data-playground]")) {
    const load = async () => {
      await course.load("digits.js");
      play(place, await unpack(course.digits));
    };
    if (isExperiment()) load();
    else course.whenNear(place, load);
  }
})();
