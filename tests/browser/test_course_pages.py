"""What the students' JupyterLab has of ours, on an empty page: the order of saves."""

from course_utils.lab import JUPYTER

import pytest

SCRIPT = JUPYTER / "labextensions/course-pages/static/remoteEntry.js"
# A context like JupyterLab's, whose saves end when the test says so, and its save() as the plugin leaves it.
START = """async () => {
  const plugin = (await window._JUPYTERLAB["course-pages"].get())().default;
  const nothing = { connect: () => {} };
  plugin.activate({
    commands: { addCommand: () => {} },
    serviceManager: { contents: { fileChanged: nothing } },
    docRegistry: { addWidgetExtension: (_, extension) => { window.extension = extension; } },
    restored: new Promise(() => {}),
  });
  const listeners = new Set();
  const contentChanged = { connect: (f) => listeners.add(f), disconnect: (f) => listeners.delete(f) };
  window.running = [];
  window.context = {
    model: { dirty: true, contentChanged },
    save: () => new Promise((done, failed) => {
      const ended = (end) => (value) => { context.model.dirty = false; end(value); };
      running.push({ done: ended(done), failed });
    }),
  };
  window.type = () => { context.model.dirty = true; listeners.forEach((f) => f()); };
  window.heard = [];
  window.ask = (name) => {
    context.save().then(() => heard.push(`${name} saved`), (error) => heard.push(`${name}: ${error}`));
  };
  extension.createNew(null, context);
}"""


@pytest.fixture
def saves(page):
    page.goto("about:blank")
    page.add_script_tag(path=SCRIPT)
    page.evaluate(START)
    return page


def test_one_save_waits_for_the_current_one_however_many_ask(saves):
    saves.evaluate("() => { ask('a'); ask('b'); ask('c'); }")
    assert saves.evaluate("running.length") == 1
    saves.evaluate("running[0].done()")
    assert saves.evaluate("[running.length, heard]") == [2, ["a saved"]]
    saves.evaluate("running[1].done()")
    assert saves.evaluate("[running.length, heard]") == [2, ["a saved", "b saved", "c saved"]]
    saves.evaluate("ask('d')")
    assert saves.evaluate("running.length") == 3


def test_a_save_that_was_cancelled_takes_the_waiting_one_with_it(saves):
    """Or the question whether to overwrite the file would be asked again for every save that waited."""
    saves.evaluate("() => { ask('a'); ask('b'); running[0].failed('cancelled'); }")
    assert saves.evaluate("[running.length, heard]") == [1, ["a: cancelled", "b: cancelled"]]
    saves.evaluate("() => { ask('c'); running[1].done(); }")
    assert saves.evaluate("heard.at(-1)") == "c saved"


@pytest.mark.parametrize("typed", [True, False])
def test_what_is_typed_during_a_save_is_not_counted_as_saved(saves, typed):
    saves.evaluate(f"() => {{ ask('a'); {'type();' if typed else ''} running[0].done(); }}")
    assert saves.evaluate("context.model.dirty") == typed
