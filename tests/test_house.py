"""The house stands: what `lint-imports` does not see, a module and the package it lies in importing each other."""

from graphlib import TopologicalSorter

import grimp


def test_no_module_imports_itself_in_a_circle():
    graph = grimp.build_graph("fieldguide", exclude_type_checking_imports=False, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imports) > 100
    TopologicalSorter(imports).prepare()  # CycleError names the modules of a circle
