from marketmill.warned import name_warned


def warned(bars, first="2024-01-06T00:00:00+00:00"):
    return {"bars": bars, "first": first}


def test_a_few_symbols_are_named_with_where_to_look():
    assert name_warned({"SPY": warned(35), "AMD": warned(1), "BTC/USDT": warned(1, "2024-01-06T13:30:00+00:00")}) == (
        "SPY from 2024-01-06 on (35 bars), AMD 2024-01-06, BTC/USDT 2024-01-06 13:30:00"
    )


def test_of_many_symbols_the_rest_is_counted():
    assert name_warned({f"S{number}": warned(1) for number in range(9)}).endswith("S5 2024-01-06 and 3 more symbols")
