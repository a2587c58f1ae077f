"""Every cache has a folder of its own."""

from pathlib import Path

from rustml.cache_layout import CacheLayout


def test_no_two_caches_share_a_folder() -> None:
    layout = CacheLayout(Path("cache"))
    names = [name for name, value in vars(CacheLayout).items() if isinstance(value, property)]
    folders = [getattr(layout, name) for name in names]
    assert len(folders) >= 8
    assert not [(one, two) for one in folders for two in folders if one is not two and one.is_relative_to(two)]
    assert all(folder.parent == layout.root for folder in folders)
