"""The currencies a figure may be in, each with its number of decimals (its exponent).

Source: ISO 4217 list one, and those of list three (withdrawn) that still stand in old records and
in the reference rates of the European Central Bank. Funds, metals, testing codes and the codes with
four decimals are left out: nobody is paid in them. The table is written out because reading it from
py-moneyed loads Babel (0.1 s in every process); a test holds it equal to py-moneyed's data, which
does not know the two newest codes yet (XCG, ZWG).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_CODES_BY_EXPONENT: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD "
        "CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD "
        "GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL "
        "MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN "
        "PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP "
        "SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
}
_WITHDRAWN_CODES_BY_EXPONENT: Final = {
    0: "BYR ROL TRL",
    2: "ANG BGN CUC CYP EEK HRK LTL LVL MRO MTL SIT SKK SLL STD VEF ZWL",
}

WITHDRAWN: Final = frozenset(" ".join(_WITHDRAWN_CODES_BY_EXPONENT.values()).split())

EXPONENTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        code: exponent
        for table in (_CODES_BY_EXPONENT, _WITHDRAWN_CODES_BY_EXPONENT)
        for exponent, codes in table.items()
        for code in codes.split()
    }
)
