// The stop button, where page and Python share memory. Python looks at a number now and then while it runs what the
// reader wrote, and stops when it finds SIGINT. It makes the numbers and sends them: mnist_scratch/browser/stop.py.
// Without shared memory it sends none, and everything is as it was.

window._JUPYTERLAB ??= {};
window._JUPYTERLAB["mnist-scratch-stop"] = (() => {
  const [SIGNAL, HELD, HANDLED] = [0, 1, 2]; // the numbers, in their order
  const SIGINT = 2;
  const ON_ITS_WAY = 10; // milliseconds; JupyterLite hands a message on by timers of its own
  const buttons = new WeakMap(); // of each kernel

  // Where memory is shared, JupyterLite would take another way between page and Python. There a line that is printed
  // takes several times as long, and a cell may never come to its end: Atomics.waitAsync gives no promise when the
  // answer is already there. So we keep to the way that is taken everywhere else.
  Object.defineProperty(window, "crossOriginIsolated", { value: false });

  // Take the numbers of a new kernel. What is pressed while it works on one message must not stop the next.
  function watch(kernel) {
    let numbers = new Int32Array(3); // shared with nobody yet
    let working = false;
    kernel._worker?.addEventListener("message", ({ data }) => {
      if (data?.stopButton) {
        numbers = data.stopButton;
        Atomics.store(numbers, HELD, 1);
      } else {
        setTimeout(() => {
          Atomics.add(numbers, HANDLED, 1);
          Atomics.notify(numbers, HANDLED);
        }, ON_ITS_WAY);
      }
    });
    const handle = kernel.handleMessage.bind(kernel);
    kernel.handleMessage = async (message) => {
      Atomics.store(numbers, SIGNAL, 0);
      working = true;
      try {
        await handle(message);
      } finally {
        working = false;
        Atomics.store(numbers, SIGNAL, 0);
      }
    };
    buttons.set(kernel, () => working && Atomics.store(numbers, SIGNAL, SIGINT));
  }

  function activate(_, kernels) {
    kernels.changed.connect((_, { newValue: kernel }) => kernel && watch(kernel));
    const interrupt = kernels.interrupt.bind(kernels);
    kernels.interrupt = async (id) => {
      await interrupt(id); // no cell that waits begins
      buttons.get(await kernels.getModel(id))?.();
    };
  }

  let shared;
  return {
    init: (scope) => {
      shared = scope;
    },
    get: async () => {
      const [version] = Object.values(shared["@jupyterlite/services"]);
      const { IKernelClient } = (await version.get())();
      const plugin = { id: "mnist-scratch-stop:plugin", autoStart: true, requires: [IKernelClient], activate };
      return () => plugin;
    },
  };
})();
