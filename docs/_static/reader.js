// A drawing read as the course reads it: strokes → picture → 28 × 28 pixels as MNIST has them → a network's answer.
// Pure functions, each with its twin in mnist_scratch, which it equals up to rounding: picture_of and read_drawing in
// classroom/drawing.py, prepare_digit in prepare.py, Network in network.py. Change both:
// tests/browser/test_pad_on_the_site.py compares them.
// Strokes are lists of points [x, y], each from 0 to 1; an image is a typed array, row after row.

globalThis.course ??= {};
(() => {
  const PEN = 22 / 280; // the pen's width as a part of the sheet's side
  const INK = 17; // the gray of full ink, which is the strength that prepare_digit finds: most ink is full
  const SMALLEST = 0.15; // of the side: what is shorter and narrower is no digit yet
  const [SHEET, EDGE] = [140, 14]; // pixels: the sheet's side, and paper around it
  const [FIELD, BOX, CENTER] = [28, 20, 14]; // pixels: an image of MNIST, the digit's box in it, its center of mass

  /** Strokes on white paper: side × side grays, 255 is white. */
  function pictureOf(strokes, side) {
    const reach = (PEN * side) / 2 + 0.5;
    const squared = new Float64Array(side * side).fill(reach * reach); // the distance from each pixel to the pen's way
    for (const stroke of strokes) {
      const points = stroke.map((point) => point.map((value) => value * side));
      if (points.length === 1) points.push(points[0]); // a dot goes nowhere
      for (let i = 1; i < points.length; i++) approach(squared, side, reach, points[i - 1], points[i]);
    }
    return new Uint8Array(squared.map((distance) => 255.5 - (255 - INK) * Math.min(1, reach - Math.sqrt(distance))));
  }

  function approach(squared, side, reach, [x0, y0], [x1, y1]) {
    const [dx, dy] = [x1 - x0, y1 - y0];
    const length = dx * dx + dy * dy || 1;
    const [left, right] = [Math.max(0, Math.floor(Math.min(x0, x1) - reach)), Math.ceil(Math.max(x0, x1) + reach)];
    const [top, bottom] = [Math.max(0, Math.floor(Math.min(y0, y1) - reach)), Math.ceil(Math.max(y0, y1) + reach)];
    for (let row = top; row < Math.min(bottom, side); row++)
      for (let column = left; column < Math.min(right, side); column++) {
        const x = column + 0.5 - x0;
        const y = row + 0.5 - y0;
        const along = Math.min(Math.max(x * (dx / length) + y * (dy / length), 0), 1);
        const distance = (x - along * dx) * (x - along * dx) + (y - along * dy) * (y - along * dy);
        if (distance < squared[row * side + column]) squared[row * side + column] = distance;
      }
  }

  /** From a square picture on white paper, side × side grays, to a row of MNIST, (784,); null where no digit stands out. */
  function prepareDigit(grays, side) {
    const mark = (gray) => 1 - Math.fround(gray / 255);
    const shades = Float32Array.from({ length: 256 }, (_, gray) => Math.min(1, mark(gray) / mark(INK)));
    const ink = new Float32Array(grays).map((gray) => shades[gray]);

    const parts = partsOf(
      grays.map((gray) => mark(gray) > mark(INK) / 5),
      side,
    );
    const largest = Math.max(...parts.map((part) => part.size));
    if (largest / parts.reduce((sum, part) => sum + part.size, 0) < 0.2) return null; // scattered all over
    const [left, top, right, bottom] = parts
      .filter((part) => part.size >= largest / 20) // no specks
      .map((part) => part.box)
      .reduce((a, b) => [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])]);
    const longest = Math.max(right - left, bottom - top);
    const [width, height] = [right - left, bottom - top].map((length) => nearest((length * BOX) / longest));
    const digit = shrink(shrink(ink, side, left, right, width), side, top, bottom, height);

    let [most, mass, down, across] = [0, 0, 0, 0];
    digit.forEach((shade, i) => {
      most = Math.max(most, shade);
      mass += shade;
      down += shade * Math.floor(i / width);
      across += shade * (i % width);
    });
    const start = (moment, length) => Math.max(0, Math.min(FIELD - length, nearest(CENTER - moment / mass)));
    const first = start(down, height) * FIELD + start(across, width);
    const row = new Float32Array(FIELD * FIELD);
    digit.forEach((shade, i) => {
      row[first + Math.floor(i / width) * FIELD + (i % width)] = shade / most;
    });
    return row;
  }

  // The parts of a mask, of pixels that touch, even at a corner; it is empty at its edge, and cleared. Of each the size,
  // and the box [left, top, right, bottom].
  function partsOf(mask, side) {
    const parts = [];
    const around = [-side - 1, -side, -side + 1, -1, 1, side - 1, side, side + 1];
    for (let start = mask.indexOf(1); start >= 0; start = mask.indexOf(1, start)) {
      const waiting = [start];
      mask[start] = 0;
      let [size, left, top, right, bottom] = [0, side, side, 0, 0];
      while (waiting.length) {
        const pixel = waiting.pop();
        const [row, column] = [Math.floor(pixel / side), pixel % side];
        [left, top] = [Math.min(left, column), Math.min(top, row)];
        [right, bottom] = [Math.max(right, column + 1), Math.max(bottom, row + 1)];
        size++;
        for (const step of around)
          if (mask[pixel + step]) {
            mask[pixel + step] = 0;
            waiting.push(pixel + step);
          }
      }
      parts.push({ size, box: [left, top, right, bottom] });
    }
    return parts;
  }

  // Of each row, `length` pixels, those from `low` to `high` averaged to n with a Hamming window, as Pillow does it. Rows
  // become columns, so that the next call takes the other direction.
  function shrink(pixels, length, low, high, n) {
    const rows = pixels.length / length;
    const scale = (high - low) / n;
    const support = Math.max(1, scale);
    const shrunk = new Float32Array(n * rows);
    for (let i = 0; i < n; i++) {
      const center = low + (i + 0.5) * scale;
      const [first, end] = [Math.floor(center - support + 0.5), Math.floor(center + support + 0.5)];
      const weights = Array.from({ length: end - first }, (_, k) => hamming((first + k + 0.5 - center) / support));
      const total = weights.reduce((sum, weight) => sum + weight);
      for (let row = 0; row < rows; row++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k] * pixels[row * length + first + k];
        shrunk[i * rows + row] = sum / total;
      }
    }
    return shrunk;
  }

  function hamming(x) {
    const turn = Math.PI * Math.abs(x);
    if (turn === 0) return 1;
    return turn < Math.PI ? (Math.sin(turn) / turn) * (0.54 + 0.46 * Math.cos(turn)) : 0;
  }

  function nearest(number) {
    return Math.floor(number + 0.5 + 1e-5);
  }

  /** A network of relu units and softmax outputs from its sizes and the float32 of W¹, b¹, W², b², …, as base64. */
  function networkOf({ sizes, parameters }) {
    const numbers = new Float32Array(Uint8Array.from(atob(parameters), (byte) => byte.charCodeAt(0)).buffer);
    let end = 0;
    const take = (n) => {
      end += n;
      return numbers.subarray(end - n, end);
    };
    return sizes.slice(1).map((n, layer) => ({ W: take(sizes[layer] * n), b: take(n) }));
  }

  /** What each layer of a network answers to a row: the hidden ones' activations, and at last the probabilities. */
  function forward(net, row) {
    const answers = [];
    net.forEach(({ W, b }, layer) => {
      const sums = Float64Array.from(b);
      (answers.at(-1) ?? row).forEach((activation, i) => {
        if (activation) for (let j = 0; j < sums.length; j++) sums[j] += activation * W[i * sums.length + j];
      });
      answers.push(layer < net.length - 1 ? sums.map((sum) => Math.max(0, sum)) : softmax(sums));
    });
    return answers;
  }

  function softmax(logits) {
    const powers = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
    return powers.map((power) => power / powers.reduce((a, b) => a + b));
  }

  /**
   * What a network makes of a drawing, in the words of `read_drawing`; without row and layers where there is no digit.
   * row is the drawing as MNIST has it, (784,); layers are what `forward` gives.
   */
  function read(net, strokes) {
    const points = strokes.flat();
    if (!points.length) return { words: "The sheet is empty: draw one digit on it." };
    const span = (axis) => points.map((point) => point[axis]).sort((a, b) => a - b);
    const [x, y] = [span(0), span(1)];
    if (Math.max(x.at(-1) - x[0], y.at(-1) - y[0]) < SMALLEST)
      return { words: "Too small to be read: draw one digit, as large as half the sheet or more." };
    const side = SHEET + 2 * EDGE;
    const picture = new Uint8Array(side * side).fill(255); // paper also around ink at the edge
    const drawn = pictureOf(strokes, SHEET);
    for (let row = 0; row < SHEET; row++)
      picture.set(drawn.subarray(row * SHEET, (row + 1) * SHEET), (row + EDGE) * side + EDGE);
    const row = prepareDigit(picture, side);
    if (!row) return { words: "No digit stands out from the sheet: clear it and draw one digit." };

    const layers = forward(net, row);
    const probabilities = layers.at(-1);
    const [first, second] = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
    const percent = (k) => `${(100 * probabilities[k]).toFixed(0)}%`;
    const certain = probabilities[first] > 0.99 ? "over 99%" : percent(first);
    const next = `next comes ${second} with ${percent(second)}`;
    const rest = probabilities[second] < 0.01 ? "every other digit has less than 1%" : next;
    return { row, layers, words: `The network says ${first} with probability ${certain}; ${rest}.` };
  }

  Object.assign(course, { pen: PEN, networkOf, read });
})();
