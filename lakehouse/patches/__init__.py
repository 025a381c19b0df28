"""Changes to the insides of libraries, and code of ours that is used in place of theirs.

There is a module for each change; its name begins with the library's. Each module says what the
library does, why that hurts, what is done about it, what that gains, and which version it was seen
with. Its test in `tests/patches/` fails, and names the module, when the library is no longer as it
was. What a library offers publicly is no patch, and lies where it is used.
"""
