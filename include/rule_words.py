"""What each rule looks for, in words for a reader who knows markets and not this project."""

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
    "volume_not_negative": "The volume is negative, or more than is traded of anything (1e18).",
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
#: Warnings that say what an instrument is like, or that all is well; whoever uses bars should look at those with any other.
HARMLESS = ("released", "split", "no_volume", "prices_missing", "out_of_order")
#: A symbol that breaks one of these is held back: nothing of it is published by that run.
HOLDING = {
    "fetched": "Bars could not be had: the source could not be asked, or its answer, or your file, cannot be read or believed.",
    "complete_enough": "Too many of the bars that the exchange's calendar promises are missing, in one month or in all.",
    "unit_jump": "The open is fifty times the close before it or more: one of the two is in another unit (pence for pounds, say).",
    "one_price_scale": "Bars adjusted for dividends would stand beside bars that are not.",
}
#: Rules on the features of a symbol in a month. Where one is broken, the run fails, but for the last.
FEATURES = {
    "row_for_each_bar": "Bars without features, or features without a bar.",
    "known_with_its_bar": "A row says another moment than its bar's for when it was known.",
    "features_finite": "A value is infinite.",
    "null_in_warm_up": "A value stands where the feature has not seen enough bars yet.",
    "null_without_volume": "A feature of volume has a value where none is traded.",
    "features_causal": "A value comes out otherwise when the later bars are taken away: it saw the future.",
    "features_present": "A feature lacks values though the bars have all that it is made of.",
}
#: Rules on predictions. Where one is broken, nothing of the month is published.
PREDICTIONS = {
    "symbol_said": "The row does not say its symbol.",
    "timestamp_said": "The row does not say its time.",
    "closed_at_said": "The row does not say up to when it knew the bars.",
    "model_version_said": "The row does not say which version of the model states it.",
    "feature_set_said": "The row does not say which features it is made of.",
    "data_hash_said": "The row does not say which data it is made of.",
    "is_oos_said": "The row does not say whether its outcome was known when the version was trained.",
    "prediction_stated": "Neither a value nor a probability is stated.",
    "prediction_finite": "A stated number is infinite.",
    "probability_not_below_zero": "A probability is below 0.",
    "probability_not_above_one": "A probability is above 1.",
    "probabilities_add_up": "The probabilities of all classes do not add up to 1.",
    "probabilities_complete": "A class has no probability.",
    "lower_not_above_value": "The lower bound is above the value.",
    "value_not_above_upper": "The value is above the upper bound.",
    "lower_not_above_upper": "The lower bound is above the upper bound.",
    "one_prediction_per_time": "Two rows state something of one symbol and time.",
}
#: Warnings on the quotes of an option chain; the chain is kept as it came.
OPTION_CHAINS = {
    "bid_there": "Nobody bids.",
    "ask_there": "Nobody offers.",
    "quote_not_crossed": "The bid is above the ask.",
    "trade_fresh": "The last trade lies more than a week before the fetch.",
    "volatility_plausible": "The implied volatility is no plausible one.",
    "option_once": "Another row holds the same expiry, strike and right.",
}
#: What each suite looks at, in the order in which they are shown.
SUITES: dict[str, tuple[str, dict[str, str]]] = {
    "bars": ("Each row alone: what cannot be true", REFUSING),
    "series": ("Bars beside those before them: what is odd", HOLDING | WARNING),
    "completeness": ("Each symbol: what is missing", HOLDING),
    "features": ("Features", FEATURES),
    "predictions": ("Predictions", PREDICTIONS),
    "option_chains": ("Quotes of an option chain", OPTION_CHAINS),
}
#: What holds a symbol back, or marks a bar, without a suite.
BESIDE = {name: (HOLDING | WARNING)[name] for name in ("fetched", "one_price_scale", "released")}
