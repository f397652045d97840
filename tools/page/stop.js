// The stop button. Where page and Python share memory, Python looks at a byte now and then while it runs what the reader
// wrote, and stops when it finds a 2. Python makes the byte, and a second one in which we say that we hold it:
// mnist_scratch/browser/stop.py. Without shared memory Python sends none, and everything stays as it was.

(window._JUPYTERLAB ??= {})["mnist-scratch-stop"] = (() => {
  const SIGINT = 2;
  const buttons = new WeakMap(); // of each kernel

  // Take the bytes of a new kernel. What was pressed while one message was worked on must not stop the next.
  function watch(kernel) {
    let bytes = null;
    let working = false;
    kernel._worker?.addEventListener("message", ({ data }) => {
      if (data?.stopButton) {
        bytes = data.stopButton;
        bytes[1] = 1;
      }
    });
    const release = () => bytes?.fill(0, 0, 1);
    const handle = kernel.handleMessage.bind(kernel);
    kernel.handleMessage = async message => {
      if (message.header.msg_type === "input_reply") return handle(message); // within another message
      release();
      working = true;
      try {
        await handle(message);
      } finally {
        working = false;
        release();
      }
    };
    buttons.set(kernel, () => {
      if (!bytes || !working) return;
      bytes[0] = SIGINT;
      kernel.inputReply({ value: "" }); // Python may be waiting for the reader's answer
    });
  }

  function activate(app, kernels) {
    kernels.changed.connect((_, { newValue: kernel }) => kernel && watch(kernel));
    const interrupt = kernels.interrupt.bind(kernels);
    kernels.interrupt = async id => {
      await interrupt(id); // no cell that waits begins
      buttons.get(await kernels.getModel(id))?.();
    };
  }

  let shared;
  return {
    init: scope => {
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
