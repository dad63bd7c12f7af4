"""English words for signs, units, money, abbreviations, and what is said instead of what cannot be read."""

from segue.voice.wording.grammar import Abbreviation, Currency, Noun, Words
from segue.voice.wording.languages.signs import PREFIXED_UNITS

_UNITS = """
kilometre:kilometer metre:meter decimetre:decimeter centimetre:centimeter millimetre:millimeter micrometre:micrometer
nanometre:nanometer mile foot:foot/feet inch:inch/inches hectare tonne:ton kilogram gram milligram microgram
pound_mass:pound ounce litre:liter millilitre:milliliter hour minute second millisecond microsecond nanosecond byte
bit hertz:hertz/hertz watt volt kilovolt ampere:amp milliampere:milliamp ohm joule kilojoule calorie kilocalorie
pascal kilopascal newton decibel pixel megapixel percent:percent/percent permille:per_mille/per_mille degree
kelvin:kelvin/kelvin piece month day person:person/people tablespoon teaspoon year week
horsepower:horsepower/horsepower square_metre:square_meter square_kilometre:square_kilometer
square_centimetre:square_centimeter cubic_metre:cubic_meter cubic_centimetre:cubic_centimeter
celsius:degree_Celsius/degrees_Celsius fahrenheit:degree_Fahrenheit/degrees_Fahrenheit kilowatt_hour:kilowatt-hour
milliampere_hour:milliamp-hour frame_per_second:frame_per_second/frames_per_second
revolution_per_minute:revolution_per_minute/revolutions_per_minute beat_per_minute:beat_per_minute/beats_per_minute
"""
_MONEY = "dollar euro pound hryvnia rouble:ruble yuan:yuan/yuan yen:yen/yen zloty franc tenge bitcoin rupee kopeck cent"
_HUNDREDTHS = {"dollar": "cent", "euro": "cent", "hryvnia": "kopeck", "rouble": "kopeck"}


def _nouns(block: str) -> dict[str, Noun]:
    """Key → noun, from `key[:singular[/plural]]`; an underscore stands for a space."""
    found = {}
    for cell in block.split():
        key, _, forms = cell.partition(":")
        singular, _, plural = (forms or key).replace("_", " ").partition("/")
        found[key] = Noun.plain(singular, plural or singular + "s")
    return found


UNITS = {**_nouns(_UNITS), **_nouns(" ".join(prefix + stem for prefix, stem in PREFIXED_UNITS if stem != "hertz"))}
UNITS |= {f"{prefix}hertz": Noun.plain(f"{prefix}hertz") for prefix, stem in PREFIXED_UNITS if stem == "hertz"}
_CASH = {**_nouns(_MONEY), "penny": Noun.plain("penny", "pence")}
_SMALL = {**_HUNDREDTHS, "pound": "penny"}
CURRENCIES = {key: Currency(noun, _CASH[_SMALL[key]] if key in _SMALL else None) for key, noun in _CASH.items()}
MAGNITUDE_NOUNS = {
    power: Noun.plain(name) for power, name in
    ((10**3, "thousand"), (10**6, "million"), (10**9, "billion"), (10**12, "trillion"))
}  # fmt: skip
MONTH_NAMES = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
               "November", "December")  # fmt: skip

_ABBREVIATIONS = (
    *(Abbreviation(short, full) for short, full in (
        ("Mr.", "Mister"), ("Mrs.", "Missus"), ("Ms.", "Miz"), ("Prof.", "Professor"), ("Gen.", "General"),
        ("Sen.", "Senator"), ("Gov.", "Governor"), ("Lt.", "Lieutenant"), ("Capt.", "Captain"), ("Sgt.", "Sergeant"),
        ("Rev.", "Reverend"), ("Hon.", "Honorable"), ("e.g.", "for example"), ("eg.", "for example"),
        ("i.e.", "that is"), ("ie.", "that is"), ("vs.", "versus"), ("vs", "versus"), ("approx.", "approximately"),
        ("cf.", "compare"), ("est.", "estimated"), ("max.", "maximum"), ("dept.", "department"), ("tel.", "telephone"),
        ("ext.", "extension"), ("w/o", "without"), ("w/", "with"), ("incl.", "including"), ("excl.", "excluding"),
    )),
    Abbreviation("Dr.", "Doctor", before="A"),
    Abbreviation("Dr.", "Drive", ends=True),
    Abbreviation("St.", "Street", after="A", ends=True),
    Abbreviation("St.", "Saint", before="A"),
    Abbreviation("St.", "Street", ends=True),
    *(Abbreviation(short, full, before="A") for short, full in (("Mt.", "Mount"), ("Ft.", "Fort"))),
    *(Abbreviation(short, full, before="9") for short, full in (
        ("no.", "number"), ("nos.", "numbers"), ("fig.", "figure"),
        ("figs.", "figures"), ("p.", "page"), ("pp.", "pages"), ("vol.", "volume"),
        ("ch.", "chapter"), ("sec.", "section"), ("art.", "article"),
        ("eq.", "equation"), ("ca.", "circa"), ("c.", "circa"),
        ("ver.", "version"), ("apt.", "apartment"), ("para.", "paragraph"),
    )),
    *(Abbreviation(short, full, ends=True) for short, full in (
        ("etc.", "et cetera"), ("Ave.", "Avenue"), ("Blvd.", "Boulevard"), ("Rd.", "Road"), ("Inc.", "Incorporated"),
        ("Ltd.", "Limited"), ("Corp.", "Corporation"), ("Co.", "Company"), ("Jr.", "Junior"), ("Sr.", "Senior"),
        ("et al.", "and others"), ("hrs.", "hours"), ("mins.", "minutes"), ("secs.", "seconds"),
    )),
    Abbreviation("w.r.t.", "with respect to"),
)  # fmt: skip

WORDS = Words(
    units=UNITS,
    currencies=CURRENCIES,
    magnitudes={"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "mln": 10**6, "bln": 10**9},
    magnitude_nouns=MAGNITUDE_NOUNS,
    months={
        **{name: i for i, name in enumerate(MONTH_NAMES, 1)},
        **{name[:3]: i for i, name in enumerate(MONTH_NAMES, 1)},
        "Sept": 9,
    },
    signs={
        "minus": "minus", "dot": "dot", "at": "at", "slash": "slash", "dash": "dash", "underscore": "underscore",
        "plus": "plus", "colon": "colon", "port": "port", "and": "and", "number": "number", "section": "section",
        "version": "version", "about": "about", "of": "out of", "per_other": "per", "less": "less than",
        "more": "more than", "pi": "pi", "over": "over", "by": "by", "per": "per", "to": "to",
    },
    operators={
        "=": "equals", "+": "plus", "-": "minus", "×": "times", "÷": "divided by", "±": "plus or minus",
        "≈": "is approximately", "≤": "is less than or equal to", "≥": "is greater than or equal to",
        "≠": "is not equal to", "<": "is less than", ">": "is greater than", "^": "to the power of {}",
        "√": "square root of", "∞": "infinity", "²": "squared", "³": "cubed", "∑": "sum", "∈": "in", "∫": "integral",
        "∆": "delta", "≡": "is equivalent to",
    },
    notices={"code": "code example", "yes": "yes", "no": "no", "done": "done"},
    fixed={
        "24/7": "twenty-four seven", "B2B": "B to B", "B2C": "B to C", "4K": "four K", "8K": "eight K",
        "C++": "C plus plus", "C#": "C sharp",
        "F#": "F sharp", "50/50": "fifty-fifty", "20/20": "twenty-twenty", "9/11": "nine eleven", "A/B": "A B",
    },
    abbreviations=_ABBREVIATIONS,
    own_signs={"in.": "inch"},
    score_words="score|scored|won|lost|beat|draw|drew|ratio|aspect|win|odds|scale",
    clock_words="at|by|until|till|from|before|after",
    version_words="version|ver|release|section|chapter|figure|table|step",
    century_words="century|centuries",
    roman_nouns="chapter|part|section|volume|act|phase|type|war|book|title|level|grade|stage|article|appendix|class",
    reign_names="Louis|Henry|Charles|George|Edward|Elizabeth|James|William|Richard|Napoleon|Nicholas|Catherine|Peter|"
                "Alexander|Philip|Frederick|Ivan|Paul|Benedict|Pius|Leo|Victoria|Ramesses|Ramses|Francis|Gregory|Clement",
    out_of_words="step|slide|page|part|question|level|scored|rated|rating|score|grade",
    year_words="in|since|by|until|till|from|of|during|after|before|circa|early|late|mid|year|between|through|fall|summer|"
               "spring|winter|autumn|copyright",
)  # fmt: skip
