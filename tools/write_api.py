"""docs/api.md from the docstrings of the public names: `make docs` writes it, `--check` says whether it is current."""

import importlib
import inspect
import sys
from pathlib import Path

import lakekit

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
HEAD = """# lakekit: every public name

Written from the docstrings by `make docs`. `import lakekit as lk`; in a notebook `lk.open_lake?` shows the same.
"""


def write_page() -> str:
    """The page as Markdown."""
    modules = [name for name in lakekit.__all__ if inspect.ismodule(getattr(lakekit, name))]
    names = [name for name in lakekit.__all__ if name not in modules]
    parts = [HEAD, "## lakekit\n", *_describe_all("lk", lakekit, names)]
    for name in modules:
        module = getattr(lakekit, name)
        public = getattr(module, "__all__", None) or [key for key in vars(module) if _is_own(module, key)]
        parts += [f"## lk.{name}\n", _fence(module), *_describe_all(f"lk.{name}", module, sorted(public))]
    return "\n".join(parts).rstrip() + "\n"


def _is_own(module, name: str) -> bool:
    value = getattr(module, name)
    return not name.startswith("_") and getattr(value, "__module__", module.__name__) == module.__name__


def _describe_all(prefix: str, module, names: list[str]) -> list[str]:
    return [_describe(f"{prefix}.{name}", getattr(module, name)) for name in names]


def _describe(name: str, value) -> str:
    if inspect.ismodule(value):
        return f"### {name}\n\n{_fence(value)}"
    if not callable(value):
        return f"### {name}\n\n`{value!r}`\n" if isinstance(value, int | float | str) else f"### {name}\n"
    try:
        signature = str(inspect.signature(value)) if inspect.isfunction(value) else ""
    except ValueError:
        signature = ""
    call = f"```python\n{name.rpartition('.')[2]}{signature}\n```\n" if signature else ""
    parts = [f"### {name}\n", call, _fence(value)]
    if inspect.isclass(value):
        for key, member in sorted(vars(value).items()):
            about = inspect.getdoc(member) if not key.startswith("_") else None
            if about and (inspect.isfunction(member) or isinstance(member, property | classmethod | staticmethod)):
                parts.append(f"- **{key}**: {about.splitlines()[0]}")
        parts.append("")
    return "\n".join(part for part in parts if part is not None)


def _fence(value) -> str:
    text = inspect.getdoc(value) or ""
    return f"```text\n{text}\n```\n" if text else ""


def main() -> int:
    """Write the page, or check it."""
    importlib.invalidate_caches()
    page = write_page()
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page else 1
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
