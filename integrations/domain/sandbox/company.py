"""The fixed frame of the sandbox company: who works there, what it runs and what it gives.

Every name is made up. Rates and prices are chosen to look like a mid-sized software company: gifts
of 20 to 300 USD, deals of 5,000 to 200,000 USD.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NAME: Final = "Lumen & Oak (sandbox)"
CURRENCY: Final = "USD"
TIME_ZONE: Final = "America/New_York"
FISCAL_YEAR_START_MONTH: Final = 2
SOURCE: Final = "sandbox"

OWNER: Final = "maya"

STAGES: Final = ("Discovery", "Evaluation", "Proposal", "Negotiation")
WON_STAGE: Final = "Closed Won"
LOST_STAGE: Final = "Closed Lost"

PRODUCTS: Final = ("Lumen Core", "Lumen Insight", "Oak Archive", "Oak Flow")
REPRESENTATIVES: Final = (
    "Abel Moreau", "Bao Nguyen", "Clara Voss", "Dario Pinto", "Edda Lind", "Farid Haddad",
    "Greta Olsen", "Hugo Klein", "Imani Okoye", "Jonas Weber", "Keiko Mori", "Lena Novak",
)  # fmt: skip
CONTACT_ROLES: Final = ("Champion", "Decision maker", "Economic buyer", "User")
TITLES: Final = (
    "VP Operations", "Director of IT", "CFO", "Head of Data", "COO", "Procurement Manager",
)  # fmt: skip
FIRST_NAMES: Final = (
    "Ada", "Boris", "Chidi", "Dana", "Elif", "Femke", "Goran", "Hana", "Ines", "Jamal", "Kira",
    "Lars", "Mina", "Noor", "Omar", "Petra", "Quinn", "Rosa", "Sven", "Tara", "Umar", "Vera",
    "Wanda", "Xenia", "Yusuf", "Zoe",
)  # fmt: skip
LAST_NAMES: Final = (
    "Abbott", "Bianchi", "Costa", "Dvorak", "Eriksen", "Fischer", "Garcia", "Hughes", "Ivanova",
    "Jansen", "Kowalski", "Larsen", "Meyer", "Nakamura", "Owens", "Petrov", "Rossi", "Silva",
    "Tanaka", "Ueda", "Varga", "Wong", "Young",
)  # fmt: skip
ACCOUNT_FIRST_WORDS: Final = (
    "Alder", "Beacon", "Cobalt", "Delta", "Ember", "Falcon", "Granite", "Harbor", "Indigo",
    "Juniper", "Keystone", "Lattice", "Meridian", "Nimbus", "Orchard", "Pioneer", "Quarry",
    "Ridge", "Summit", "Tidewater", "Umber", "Vertex", "Willow", "Zephyr",
)  # fmt: skip
ACCOUNT_LAST_WORDS: Final = (
    "Analytics", "Biotech", "Capital", "Energy", "Foods", "Health", "Insurance", "Logistics",
    "Media", "Mills", "Networks", "Retail", "Robotics", "Systems", "Textiles", "Works",
)  # fmt: skip
INDUSTRIES: Final = ("Finance", "Health", "Industry", "Media", "Retail", "Software")
COUNTRIES: Final = ("US", "GB", "DE", "CA")
COUNTRY_WEIGHTS: Final = (0.7, 0.12, 0.1, 0.08)
HOME_COUNTRY: Final = 0

# What makes an account better is its size, which everybody can see: better accounts win more often
# with or without gifts, and with selection bias they get more of them.
EMPLOYEES_FROM: Final = (20, 200, 1_000, 5_000)
EMPLOYEES_TO: Final = (199, 999, 4_999, 40_000)
TIER_WEIGHTS: Final = (0.4, 0.3, 0.2, 0.1)
WIN_RATES: Final = (0.15, 0.22, 0.30, 0.40)
GIFT_RATES_BIASED: Final = (0.5, 0.9, 1.5, 2.4)
ACCEPT_RATES_BIASED: Final = (0.66, 0.74, 0.82, 0.90)
ACCEPT_RATE: Final = 0.74
MEDIAN_AMOUNTS: Final = (14_000, 28_000, 55_000, 95_000)
LEAST_AMOUNT: Final = 5_000
MOST_AMOUNT: Final = 200_000


@dataclass(frozen=True, slots=True)
class CostCenter:
    code: str
    name: str
    parent: str


@dataclass(frozen=True, slots=True)
class Vendor:
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Item:
    sku: str
    name: str
    vendor: str
    price_minor: int
    personalization: str


@dataclass(frozen=True, slots=True)
class Campaign:
    """An effort; one without items is digital."""

    code: str
    name: str
    kind: str
    motion: str
    channel: str
    personalization: str
    cost_center: str
    items: tuple[str, ...] = ()


ROOT: Final = "COMPANY"
COST_CENTERS: Final = (
    CostCenter("MKT", "Marketing", ROOT),
    CostCenter("SALES", "Sales", ROOT),
    CostCenter("SUCCESS", "Customer success", ROOT),
    CostCenter("MKT-DG", "Demand generation", "MKT"),
    CostCenter("MKT-ABM", "Account-based marketing", "MKT"),
    CostCenter("MKT-CM", "Customer marketing", "MKT"),
    CostCenter("SALES-EAST", "Sales East", "SALES"),
    CostCenter("SALES-WEST", "Sales West", "SALES"),
)
SALES_TEAMS: Final = ("SALES-EAST", "SALES-WEST")

VENDORS: Final = (
    Vendor("kindbox", "Kindbox"),
    Vendor("parcel-thyme", "Parcel & Thyme"),
    Vendor("egiftly", "eGiftly"),
    Vendor("tablefare", "Tablefare Events"),
)

DIRECT_MAIL: Final = "direct_mail"
EGIFT: Final = "egift"
EVENT: Final = "event"

ITEMS: Final = (
    Item("KB-NOTEBOOK", "Notebook and pen set", "kindbox", 28_00, "BRANDED"),
    Item("KB-BLANKET", "Wool blanket", "kindbox", 89_00, "BRANDED"),
    Item("PT-TEA", "Tea chest", "parcel-thyme", 45_00, "SEGMENT"),
    Item("PT-HAMPER", "Seasonal hamper", "parcel-thyme", 130_00, "SEGMENT"),
    Item("PT-BESPOKE", "Engraved oak desk box", "parcel-thyme", 240_00, "INDIVIDUAL"),
    Item("EG-COFFEE", "Coffee card", "egiftly", 20_00, "NONE"),
    Item("EG-LUNCH", "Lunch card", "egiftly", 35_00, "NONE"),
    Item("EG-DONATION", "Donation of choice", "egiftly", 75_00, "INDIVIDUAL"),
    Item("TF-TASTING", "Tasting kit for an online event", "tablefare", 95_00, "SEGMENT"),
    Item("TF-DINNER", "Seat at a roadshow dinner", "tablefare", 180_00, "NONE"),
)

# Campaigns of gifts first, then digital ones; the generator points at both by their place here.
CAMPAIGNS: Final = (
    Campaign(
        "DG-DOORS", "Door openers", "PROSPECTING", "DEMAND_GENERATION", DIRECT_MAIL, "BRANDED",
        "MKT-DG", ("KB-NOTEBOOK", "PT-TEA"),
    ),
    Campaign(
        "DG-WEBINAR-LUNCH", "Webinar lunch cards", "EVENT", "DEMAND_GENERATION", EGIFT, "NONE",
        "MKT-DG", ("EG-LUNCH", "EG-COFFEE"),
    ),
    Campaign(
        "ABM-EXECUTIVE", "Executive desk boxes", "ACCELERATION", "ABM", DIRECT_MAIL, "INDIVIDUAL",
        "MKT-ABM", ("PT-BESPOKE", "KB-BLANKET"),
    ),
    Campaign(
        "ABM-ROADSHOW", "Roadshow dinners", "EVENT", "ABM", EVENT, "SEGMENT",
        "MKT-ABM", ("TF-DINNER", "TF-TASTING"),
    ),
    Campaign(
        "CM-APPRECIATION", "Customer appreciation", "APPRECIATION", "CUSTOMER_MARKETING",
        DIRECT_MAIL, "SEGMENT", "MKT-CM", ("PT-HAMPER", "KB-BLANKET"),
    ),
    Campaign(
        "CM-RENEWAL", "Renewal thank-you", "RENEWAL", "CUSTOMER_MARKETING", EGIFT, "INDIVIDUAL",
        "SUCCESS", ("EG-DONATION", "EG-COFFEE"),
    ),
    Campaign(
        "DIG-EMAIL", "Product newsletter", "DIGITAL", "DEMAND_GENERATION", "email", "SEGMENT",
        "MKT-DG",
    ),
    Campaign(
        "DIG-WEBINAR", "Webinar series", "DIGITAL", "DEMAND_GENERATION", "webinar", "NONE",
        "MKT-DG",
    ),
    Campaign(
        "DIG-SOCIAL", "Target account ads", "DIGITAL", "ABM", "paid_social", "SEGMENT", "MKT-ABM",
    ),
    Campaign(
        "DIG-COMMUNITY", "Customer community", "DIGITAL", "CUSTOMER_MARKETING", "community",
        "NONE", "MKT-CM",
    ),
)  # fmt: skip
GIFT_CAMPAIGN_COUNT: Final = sum(1 for campaign in CAMPAIGNS if campaign.items)
DIGITAL_WEIGHTS: Final = (0.4, 0.2, 0.25, 0.15)

# Which campaigns compete for a gift: a new deal of a smaller account, of a larger one, or a further
# deal of a known customer.
POOLS: Final = ((0, 1), (2, 3), (4, 5))
LARGER_TIER: Final = 2
