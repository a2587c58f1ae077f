"""Sources of Rust files, one module per kind: crates (registry or directory), data sets, git repositories.

To add a source, write its module here with the functions of `rustml.corpus.sources.source.Source`, add its section
to `rustml/profile/harvest.py`, and name the module in `SOURCES` of `rustml/corpus/harvest.py`.
"""
