"""Which exchange calendar a symbol hangs on where no universe says it."""

from __future__ import annotations

#: Calendar of ``exchange_calendars`` by the ending of a symbol, as Yahoo Finance marks its exchanges ("Exchanges and data providers on
#: Yahoo Finance", help.yahoo.com/kb/SLN2310.html). Exchanges without a calendar of their own take the one whose holidays they share
#: (NS: BO; SZ: SS; KQ: KS; TWO: TW; V: TO), and those with neither are left out.
CALENDARS = {
    # Americas
    "TO": "XTSE", "V": "XTSE", "SA": "BVMF", "MX": "XMEX", "BA": "XBUE", "SN": "XSGO", "CL": "XBOG",
    # Europe
    "L": "XLON", "IR": "XDUB", "PA": "XPAR", "AS": "XAMS", "BR": "XBRU", "LS": "XLIS", "MC": "XMAD", "MI": "XMIL", "SW": "XSWX",
    "VI": "XWBO", "DE": "XETR", "F": "XFRA", "DU": "XDUS", "HM": "XHAM", "SG": "XSTU",
    "ST": "XSTO", "CO": "XCSE", "HE": "XHEL", "OL": "XOSL", "IC": "XICE", "TL": "XTAL", "RG": "XRIS", "VS": "XLIT",
    "AT": "ASEX", "WA": "XWAR", "PR": "XPRA", "BD": "XBUD", "RO": "XBSE", "IS": "XIST",
    # Asia, Africa and Oceania
    "TA": "XTAE", "SR": "XSAU", "JO": "XJSE", "NS": "XBOM", "BO": "XBOM",
    "T": "XTKS", "HK": "XHKG", "SS": "XSHG", "SZ": "XSHG", "KS": "XKRX", "KQ": "XKRX", "TW": "XTAI", "TWO": "XTAI",
    "SI": "XSES", "KL": "XKLS", "JK": "XIDX", "BK": "XBKK", "PS": "XPHS", "AX": "XASX", "NZ": "XNZE",
}  # fmt: skip

NEW_YORK = "XNYS"


def guess_calendar(symbol: str) -> str:
    """Calendar by the symbol's form: ``24/7`` for a pair such as BTC/USDT, that of its ending such as ``.L``, else New York's."""
    if "/" in symbol:
        return "24/7"
    return CALENDARS.get(symbol.rpartition(".")[2], NEW_YORK) if "." in symbol else NEW_YORK
