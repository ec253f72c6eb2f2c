"""What the shop at the harbour sells on its first day."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.catalog.models import ProductRow

GOODS = [
    ("p1", "books", "book-harbour", 1500, 2400, "The Harbour Book",
     "Boats, bollards and the people who keep them afloat: a walk along the quay, in drawings."),
    ("p2", "books", "book-tides", 1890, 860, "Reading the Tides",
     "How the sea comes and goes, and how to be on the right side of it."),
    ("p3", "books", "book-knots", 1290, 1200, "Forty Knots",
     "Each on one page, from the bowline to the one that nobody needs and everybody likes."),
    ("p4", "books", "book-lighthouse", 2400, 640, "Keepers of the Light",
     "Letters from six lighthouses, written in winters when no boat came."),
    ("p5", "books", "book-gulls", 990, 1500, "A Field Guide to Gulls",
     "Twelve kinds, at rest, in flight and in the middle of your sandwich."),
    ("p6", "books", "book-kitchen", 2750, 420, "The Galley Kitchen",
     "Sixty dishes for one flame, one pot and a floor that moves."),
    ("p7", "books", "book-atlas", 6900, 7, "Atlas of Small Islands",
     "Bound by hand in sailcloth. The printer has closed, and these are the last ones."),
    ("p8", "books", "book-stories", 1450, 980, "Stories for the Night Watch",
     "Nineteen of them, none longer than a mug of tea."),
    ("p9", "stationery", "notebook", 750, 3000, "Logbook, Lined",
     "Thread-bound, 192 pages, and a ribbon to find the day again."),
    ("p10", "stationery", "notebook-blank", 690, 2600, "Logbook, Blank",
     "The same book for those who draw."),
    ("p11", "stationery", "pencils", 540, 1800, "Six Cedar Pencils",
     "Soft to hard, in a tin that survives a coat pocket."),
    ("p12", "stationery", "pen", 2900, 350, "Fountain Pen, Fine",
     "Brass, a little heavy, and better every year."),
    ("p13", "stationery", "ink", 1100, 700, "Squid Ink, 50 ml",
     "Blue-black and waterproof once it is dry. No squid was asked."),
    ("p14", "stationery", "postcards", 600, 2200, "Eight Postcards of the Quay",
     "Four with sun, four as it usually is."),
    ("p15", "coffee & tea", "coffee", 1250, 900, "Harbour Roast, 500 g",
     "Whole beans, dark, with cocoa and a trace of smoke."),
    ("p16", "coffee & tea", "coffee-light", 1350, 760, "Morning Ferry Roast, 500 g",
     "Whole beans, light and bright: for the boat at six."),
    ("p17", "coffee & tea", "tea", 890, 1100, "Storm Tea, 100 g",
     "Strong black leaves that take milk, rum or neither."),
    ("p18", "coffee & tea", "tea-herbs", 790, 840, "Dune Herbs, 60 g",
     "Mint, thyme and sea buckthorn, without caffeine."),
    ("p19", "coffee & tea", "mug", 1600, 520, "Café Mug, Enamel",
     "White with a blue rim. It falls, it chips, it goes on."),
    ("p20", "home", "candle", 1400, 480, "Beeswax Candle",
     "Burns for thirty hours and smells of honey and varnish."),
    ("p21", "home", "blanket", 5900, 160, "Wool Blanket, Navy",
     "Woven two streets from here; warm even when it is wet."),
    ("p22", "home", "poster", 1800, 610, "Chart of the Bay, 1911",
     "A print of the old sea chart, 50 × 70 cm, not to be used for navigation."),
    ("p23", "home", "lamp", 7900, 90, "Storm Lantern",
     "Galvanised, with a wick. Gives a good light and better shadows."),
    ("p24", "home", "bag", 2200, 1300, "Sailcloth Bag",
     "Cut from sails that have done their miles, so no two are alike."),
]  # fmt: skip


def seed(db: Session) -> None:
    if db.scalar(select(ProductRow.id).limit(1)) is not None:
        return
    for position, (key, category, art, price_cents, stock, name, description) in enumerate(GOODS, 1):
        row = ProductRow(id=key, position=position, category=category, art=art, price_cents=price_cents, stock=stock)
        row.name, row.description = name, description
        db.add(row)
