"""What each rule for bars looks for, in words for a reader who knows markets and not this project."""

from __future__ import annotations

#: A row that breaks one of these is no bar: it goes to quarantine.
REFUSING = {
    "close_present": "The close is missing.",
    "open_positive": "The open is not a positive number.",
    "high_positive": "The high is not a positive number.",
    "low_positive": "The low is not a positive number.",
    "close_positive": "The close is not a positive number.",
    "adjusted_close_positive": "The adjusted close is not a positive number.",
    "high_not_below_low": "The high is below the low.",
    "high_not_below_open": "The high is below the open.",
    "high_not_below_close": "The high is below the close.",
    "open_not_below_low": "The open is below the low.",
    "close_not_below_low": "The close is below the low.",
    "volume_not_negative": "The volume is negative or infinite.",
    "bar_finished": "The row was fetched before its bar had closed.",
    "day_at_midnight": "A daily row is labelled by another time than midnight UTC of its date.",
    "row_not_repeated": "The same row came twice; the first is kept.",
    "one_row_per_time": "Several different rows came for one time; none of them can be trusted.",
}
#: A bar that breaks one of these is kept and carries the warning.
WARNING = {
    "released": "A rule refuses this row; a person has looked at it and let it through.",
    "split": "A known split shows in the open: all is well.",
    "unit_jump": "The open is fifty times the close before it or more. It holds its symbol back, unless a person has let it through.",
    "suspected_split": "The open jumps as after a split, with usual volume, and no such split is known.",
    "large_move": "The close is very far from the close before it. Real crashes look so too.",
    "wide_range": "The high or the low is very far from open and close.",
    "flat_without_volume": "Open, high, low and close are one number and nothing was traded.",
    "no_volume": "Nothing was traded, or the volume is missing.",
    "prices_missing": "Open, high or low is missing.",
    "off_calendar": "The exchange was closed at this time.",
    "off_grid": "The bar does not open when bars of its size open.",
    "out_of_order": "The row stands at the wrong place in its answer.",
    "equal_to_earlier": "All its numbers are those of an earlier bar.",
    "sources_disagree": "Another source has another close.",
}
#: A symbol that breaks one of these is held back: nothing of it is published by that run.
HOLDING = {
    "fetched": "The source could not be asked, or gave no answer that can be believed.",
    "complete_enough": "Too many of the bars that the exchange's calendar promises are missing, in one month or in all.",
    "unit_jump": "The open is fifty times the close before it or more: one of the two is in another unit (pence for pounds, say).",
    "one_price_scale": "Bars adjusted for dividends would stand beside bars that are not.",
}
