// What scrolls sideways can be reached, and then scrolled, from the keyboard.
function reach() {
  for (const part of document.querySelectorAll("pre, .table-wrapper, .math-wrapper, div.math")) {
    if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
    else part.removeAttribute("tabindex");
  }
}
addEventListener("load", reach);
addEventListener("resize", reach);
addEventListener("toggle", reach, true); // a folded part has no width
