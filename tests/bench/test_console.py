from tests.bench.bench_console import PAGES, measure


async def test_bench_console_runs_in_small():
    found = await measure(patients=300, checkins_each=3, rounds=1)
    assert [took.page for took in found] == list(PAGES)
    assert all(took.median > 0 for took in found)
