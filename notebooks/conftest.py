"""How nbval compares the notebooks: by their text; the HTML of a table says the same again, dressed up.

It must not loosen anything else: what a cell prints, or returns as text, has to come out as it is stored. Only the
bar that lakekit shows while opening a lake takes longer than a second is no part of it: slow computers have one.
"""

from nbval.plugin import IPyNbFile

_get_message = IPyNbFile.get_kernel_message


def get_message_but_no_bar(self, timeout=None, stream="iopub"):
    """The next message of the kernel that does not display a progress bar."""
    while True:
        message = _get_message(self, timeout=timeout, stream=stream)
        text = str(message["content"].get("data", {}).get("text/plain", "")) if message["content"] else ""
        if not (message["msg_type"] == "display_data" and text.startswith("IntProgress(")):
            return message


IPyNbFile.get_kernel_message = get_message_but_no_bar


def pytest_collection_modifyitems(items):
    for notebook in {item.parent for item in items if isinstance(item.parent, IPyNbFile)}:
        notebook.skip_compare += ("text/html",)
