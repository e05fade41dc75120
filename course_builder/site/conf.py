"""Sphinx's settings for the site."""

from importlib.resources import files

project = "Deep learning, chapter by chapter"
html_title = project
language = "en"

extensions = ["myst_parser", "sphinx.ext.mathjax"]
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
nitpicky = True

# One file of MathJax, which draws formulas as SVG and needs no font: readers may be offline.
html_static_path = ["static", str(files("sphinx-mathjax-offline") / "static" / "mathjax" / "tex-svg.js")]
mathjax_path = "tex-svg.js"

html_theme = "furo"
html_css_files = ["site.css"]
html_js_files = ["site.js"]
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

# The Markdown that the pages are made from is no help to readers.
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False
html_use_index = False
