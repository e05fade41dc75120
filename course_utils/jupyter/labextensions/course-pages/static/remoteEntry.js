/* What the students' JupyterLab needs and no setting gives. Written by hand: it imports nothing, so it needs no build.
 *
 * - JupyterLab does not notice that a file that is open in a tab has changed on disk. The server rewrites the
 *   start page and the page of progress after each save; this loads them again where they are open.
 * - Its own command "Run All Above Selected Cell" stays grey in a toolbar. This one is always there.
 * - JupyterLab saves every 30 seconds by itself. A save that begins before another has ended finds a file that
 *   is not the one it knows, and JupyterLab asks whether to overwrite it; what is typed during a save also
 *   counts as saved. Here a save waits for the one before it, and what was typed is saved next.
 * - The table of contents is open at the start, and on a narrow screen nothing is.
 */
(() => {
  const PAGES = ["START.md", "PROGRESS.md"];
  const NARROW = 700; // pixels: below this a side bar leaves no room for the notebook

  function reload(app) {
    for (const widget of app.shell.widgets("main")) {
      if (widget.context && PAGES.includes(widget.context.path) && !widget.context.model.dirty) {
        widget.context.revert();
      }
    }
  }

  function saveInTurn(context) {
    const save = context.save.bind(context);
    let current = null;
    let waiting = null;

    async function keepChanges() {
      let changed = false;
      const note = () => { changed = true; };
      context.model.contentChanged.connect(note);
      try {
        await save();
      } finally {
        context.model.contentChanged.disconnect(note);
        current = null;
      }
      context.model.dirty ||= changed;
    }

    context.save = () => {
      if (current) { // one save waits, for all that ask meanwhile; it is given up if the current one fails
        waiting ??= current.finally(() => { waiting = null; }).then(() => context.save());
        return waiting;
      }
      current = keepChanges();
      return current;
    };
  }

  const plugin = {
    id: "course-pages:plugin",
    autoStart: true,
    activate: (app) => {
      app.commands.addCommand("course:run-all-above", {
        label: "Run all above",
        caption: "Run every cell above the selected one: after a break or a restart of the kernel",
        execute: () => app.commands.execute("notebook:run-all-above"),
      });
      app.serviceManager.contents.fileChanged.connect((_, change) => {
        if (change.type === "save" && change.newValue?.type === "notebook") {
          reload(app);
        }
      });
      app.docRegistry.addWidgetExtension("Notebook", { createNew: (_, context) => saveInTurn(context) });
      app.restored.then(() => {
        if (window.innerWidth < NARROW) {
          app.shell.collapseLeft();
        } else {
          app.shell.activateById("table-of-contents");
        }
      });
    },
  };

  const container = {
    init: () => {},
    get: async () => () => ({ __esModule: true, default: plugin }),
  };
  (window._JUPYTERLAB ??= {})["course-pages"] = container;
})();
