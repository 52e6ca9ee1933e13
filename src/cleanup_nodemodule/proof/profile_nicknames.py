"""What people call the ecosystem of a profile, for those who type that."""

from typing import Final

NICKNAMES: Final = {
    **dict.fromkeys(("javascript", "typescript", "ts", "node", "nodejs", "npm", "web"), "js"),
    **dict.fromkeys(("py", "pip", "django"), "python"),
    **dict.fromkeys(("kotlin", "gradle", "maven"), "java"),
    **dict.fromkeys(("ios", "xcode", "macos"), "apple"),
    **dict.fromkeys(("c++", "cpp", "cxx"), "cmake"),
    **dict.fromkeys(("csharp", "c#", ".net"), "dotnet"),
    "cargo": "rust",
    "golang": "go",
    "dart": "flutter",
    "rails": "ruby",
    "tex": "latex",
}
"""What people call the ecosystem of a profile."""
