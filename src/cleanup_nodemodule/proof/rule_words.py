"""Puts rules into words."""

from collections.abc import Callable

from cleanup_nodemodule.proof.rules import Proof, Rule


def describe(rule: Rule, show: Callable[[str], str] = str) -> str:
    """Return in words what proves a directory to be this; *show* sets the names of files."""
    text = "; or ".join(_proof_in_words(proof, show) for proof in rule.proofs)
    if rule.without:
        text += f"; but without {_either(rule.without, show)} inside"
    if rule.comes_back:
        back = "; or ".join(_proof_in_words(proof, show) for proof in rule.comes_back)
        text += f"; it comes back with {back}"
    if rule.packages is not None:
        text += "; all packages inside are declared"
    return text


def directories(rule: Rule, show: Callable[[str], str] = str) -> str:
    """Return the names of the directories that may be this; *show* sets each."""
    if rule.names == ("*",):
        return "any name"
    return ", ".join(map(show, (rule.directory, *rule.aliases)))


def _proof_in_words(proof: Proof, show: Callable[[str], str]) -> str:
    words: list[str] = []
    if proof.inside:
        words.append(f"{_either(proof.inside, show)} inside")
    if proof.beside:
        words.append(f"{_either(proof.beside, show)} beside it")
    if proof.above:
        words.append(f"{_either(proof.above, show)} beside or above it")
    if proof.depends:
        packages = _either(proof.depends, show)
        words.append(f"a {show('package.json')} beside it that depends on {packages}")
    if proof.only:
        words.append(f"nothing but {' and '.join(map(show, proof.only))} inside")
    if proof.holds is not None:
        words.append(f"{show(proof.holds.file)} inside that says {show(proof.holds.text)}")
    if proof.tagged:
        words.append(f"{show('CACHEDIR.TAG')} inside with its signature")
    if proof.maker:
        words.append("which names its tool, or called as caches are")
    if proof.home:
        words.append("made for the project it is in")
    if proof.output is not None:
        words.append(f"nothing but what {proof.output} builds make inside")
    if proof.distributions is not None:
        words.append(f"distributions of the {proof.distributions} project's present version inside")
    if proof.script:
        names = _either(proof.script, show)
        words.append(f"a {show('package.json')} beside it with a script {names}")
    if proof.ignored:
        words.append("ignored by git")
    if proof.unversioned:
        words.append("in no repository")
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else words[0]


def _either(names: tuple[str, ...], show: Callable[[str], str]) -> str:
    shown = [show(name) for name in names]
    return ", ".join(shown[:-1]) + " or " + shown[-1] if len(shown) > 1 else shown[0]
