"""A network and samples -> one HTML file in which it predicts and goes on learning, in a browser.

In reading order: ``block`` (the network in the kernel's memory), ``choice`` (the samples that the
page shows, and how it takes drawings), ``check`` (the kernel compared with the library, by Node),
``html`` (the page's text) and ``web_export`` (the file). ``templates/`` has the page: ``kernel.js``
calls the kernel, ``picture.js`` turns strokes into pictures, ``page.js`` shows answers and
``controls.js`` takes input.
"""
