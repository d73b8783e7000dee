import statistics

import pytest

from tests.bench.bench_red_flag import CHECK_INS, RED_FLAGS, measure


@pytest.mark.bench
@pytest.mark.timeout(1800)
async def test_red_flag_is_sent_before_2000_check_ins(capsys):
    result = await measure()
    with capsys.disabled():
        print(f"\n{result}")  # noqa: T201 - a benchmark is there to say its figures
    assert len(result.seconds) == RED_FLAGS
    assert result.check_ins_before[-1] < CHECK_INS
    assert result.refused == 0
    assert statistics.median(result.seconds) < 1


async def test_bench_red_flag_runs_in_small():
    result = await measure(check_ins=60, red_flags=3, every=0.05)
    assert len(result.seconds) == 3
    assert min(result.seconds) > 0
    assert result.check_ins_before[-1] < 60
    assert result.refused == 0
    assert "median" in str(result)
