"""How people say the facts of a place: one pattern per slot, whose named groups are the meanings.

Patterns run over the normal form of a text (`facts.normal`): lower case, no accents, single spaces, hyphens as
spaces except between digits. A group's name joins the values that its phrase is true of, so `cheap__moderate`
("affordable") contradicts neither. The leftmost phrase wins, which is why "above average prices" never counts
as "average prices".
"""

import re

PRICE_NOUN = r"(?:(?:menu |food |meal |average )?(?:price[sd]?|pricing|cost(?:s|ing)?)(?: ranged?s?| point| bracket)?)"
RATING_NOUN = (
    r"(?:(?:customers?'?s? |consumers? |client |guest |user |visitor |overall |public |service |satisfaction |star )*"
    r"(?:rat(?:ed|ing|ings|es?)|reviews?|reviewed|scores?|scored|feedback|satisfaction|approval|recommendations?"
    r"|recommended|regarded|reputation|opinions?|appraisal|acclaim(?:ed)?))"
)
LINK = (
    r"(?:(?:is|are|was|being|has|have|been|be|of|in|the|a|an|at|as|to|on|very|quite|pretty|rather|fairly|only|just"
    r"|that|which|it|its|generally|range|ranges|rank|side|from|by|customers|considered|somewhat|relatively|for"
    r"|received|remain|tends?|given|with)[,:]? )"
)
NUMBER = r"(?:[1-5]|one|two|three|four|five)"
POUND = r"(?:£|gbp |l|\$|€|euros? )?"
# Keeps "high rating and price of £20" and "average price of more than £30" from saying the first adjective of the price.
UNSAID = rf"(?! {LINK}{{0,3}}(?:£|\d|{NUMBER}\b|low|high|good|average|moderate|less|more|cheap|under|over|above|below))"
NOUN_NEXT = r"(?:(?!pric|cost|rat|custom|review|with\b|and\b|but\b|in\b)[\w']+ )?"

PRICE = rf"""
 (?P<moderate>\b{POUND}20 ?(?:-|to |and |or |through |/)? ?{POUND}25\b|\bbetween {POUND}20\b)
|(?P<cheap__moderate>\b(?:not|isn't|aren't|n't) (?:too |very |so |that |overly |at all )?(?:expensive|pricey|costly)
  |\baffordabl[ey]\b|\bfair(?:ly)? price|\bgood (?:price|value)|\bgreat (?:price|value)|\bdecent(?:ly)? price
  |\b(?:around|about|approximately) {POUND}20\b|£20 pric|\blow to (?:mid|moderate|average)|\breasonabl[ey]\b(?! (?:rat|review)))
|(?P<moderate__high>\b(?:not|isn't|aren't|n't) (?:too |very |so |that |exactly |a )?(?:cheap|inexpensive)\b
  |\bmid to high|\bmoderate to high|\b(?:around|about) {POUND}30\b|\bmoderately expensive|\bslightly (?:expensive|pricey))
|(?P<high>\b(?:above|over|higher than|more than) (?:the )?average (?:{PRICE_NOUN}|cost)
  |\b(?:more|higher|greater) tha[nt] {POUND}[23]\d\b|\b(?:over|above|exceed\w*|upwards? of|at least|starting (?:at|from)
  |minimum(?: of)?|north of|from) (?:a price of )?{POUND}3\d\b|\b{POUND}30 ?(?:\+|plus\b|and (?:up|over|above)|or (?:more|over))
  |\b(?:very |quite |rather )?(?:expensive|pricey|pricy|costly|upscale|upmarket|overpriced)(?:ly)?\b|\bhigh(?:er)? end\b
  |\bhigh(?:er|ly|est)? {NOUN_NEXT}{PRICE_NOUN}(?! and (?:low|average))
  |\b{PRICE_NOUN} {LINK}{{0,5}}(?:high|higher|expensive|steep)\b(?! (?:quality|custom|rat|review))
  |\bhigh(?:er)? range\b|\bpremium pric|\bhigh {RATING_NOUN} and {PRICE_NOUN}{UNSAID})
|(?P<cheap>\b(?:less|lower|cheaper|no more|not more) tha[nt] (?:a )?{POUND}[12]\d\b|\b(?:under|below|up to|at most|within|beneath)\s
  (?:the )?(?:price of |cost of )?{POUND}[12]\d\b|\b{POUND}20 (?:or|and) (?:less|under|below)
  |\b(?:cheap(?:ly|er|est)?|inexpensive(?:ly)?|bargain|low budget|budget friendly|cost effective|economical)\b
  |\bbudget\b(?! range)|\blow(?:er|ly|est)? {NOUN_NEXT}{PRICE_NOUN}(?! and (?:high|average))
  |\blow in (?:price|cost)|\b(?:under|below) average {PRICE_NOUN}|\blow cost\b
  |\b{PRICE_NOUN} {LINK}{{0,5}}(?:low|lower)\b(?! (?:quality|custom|rat|review))
  |\blow {RATING_NOUN} and {PRICE_NOUN}{UNSAID}|\blow range\b)
|(?P<moderate_>\b(?:moderate(?:ly)?|medium|mid(?:dle|dling)?|average(?:ly)?|standard|modest(?:ly)?|regular|intermediate)\s
  {NOUN_NEXT}{PRICE_NOUN}(?! (?:is |are |of |at |for a meal is )*(?:£|\d|less|more|over|under|low|high))|\b(?:mid|medium|middle|moderate)(?: price)? (?:range[ds]?|bracket)\b(?! (?:custom|rat))
  |\bmoderately priced|\bmidpriced
  |\b{PRICE_NOUN} {LINK}{{0,5}}(?:moderate|average|medium|middle|mid|normal)\b(?! (?:quality|custom|rat|review|at |of ))
  |\b(?:average|moderate) {RATING_NOUN} and {PRICE_NOUN}{UNSAID}|\bmoderate\b(?! {RATING_NOUN}))
"""

NUMERALS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
GOOD = (
    r"(?:high(?:ly|er|est)?|good|great(?:ly)?|excellent(?:ly)?|well|top|best|favou?rabl[ey]|positive(?:ly)?|outstanding"
    r"|strong|fantastic|perfect|superb|wonderful|amazing|rave|exceptional(?:ly)?|glowing|stellar|fabulous)"
)
POOR = (
    r"(?:(?:(?:not|n't) )(?:very |so |too |particularly )?(?:highly|well|good|great|the best)|low(?:ly|er|est)?|poor(?:ly)?"
    r"|bad(?:ly)?|terribl[ey]|worst|negative(?:ly)?|unfavou?rabl[ey]|below average|less than average|under|awful|dismal)"
)
FAIR = (
    r"(?:average(?:ly)?|mediocre|ok|okay|mid(?:dle|dling)?|moderate(?:ly)?|medium|decent(?:ly)?|fair(?:ly)?|mixed|so so"
    r"|satisfactory|standard|normal)"
)
NOT_PRICE = r"(?! (?:priced?|prices|cost|pricing))"
RATING = rf"""
 (?P<number>\b{NUMBER}(?: ?(?:\.0|-))?(?: customer| consumer)?(?: stars?| rating)? ?(?:/|out of|of|put of|our of|out) ?(?:a possible )?(?:5|five)\b
  |\baverage {RATING_NOUN} {LINK}{{0,3}}{NUMBER}\b
  |\b{NUMBER} (?:customer )?rat(?:ed|ing)\b|\b(?:{NUMBER}|single) ?stars?\b|\b{RATING_NOUN}:? {LINK}{{0,3}}(?:an? )?{NUMBER}\b(?! (?:to|customer|different)))
|(?P<s1__s2>\b{POOR} {NOUN_NEXT}{RATING_NOUN}|\b{RATING_NOUN}:? {LINK}{{0,4}}{POOR}\b{NOT_PRICE}
  |\b{POOR} {PRICE_NOUN} and (?:a )?{RATING_NOUN}{UNSAID}|\bpoor (?:quality|service)\b|\bnot (?:well |very )?(?:liked|popular|recommended)\b(?! for))
|(?P<s3>\b(?:{FAIR}|mid range) {NOUN_NEXT}{RATING_NOUN}|\b{RATING_NOUN}:? {LINK}{{0,4}}{FAIR}\b{NOT_PRICE}
  |\baverage {PRICE_NOUN} and (?:a )?{RATING_NOUN}{UNSAID}|\baverage quality\b)
|(?P<s4__s5>\b{GOOD} {NOUN_NEXT}{RATING_NOUN}|\b{RATING_NOUN}:? {LINK}{{0,4}}{GOOD}\b{NOT_PRICE}
  |\b{GOOD} {PRICE_NOUN} and (?:a )?{RATING_NOUN}{UNSAID}|\b(?:well|much) (?:liked|loved)\b|\bhighly recommend\w*|\bhigh quality\b
  |\bcustomers (?:really )?(?:love|like|enjoy|rave))
"""
RATING_HINT = r"""
 (?P<s1__s2>\b(?:bad|poor|terrible|awful|low|complain\w*|disappoint\w*|unpopular)\b)
|(?P<s3>\b(?:average|mediocre|ok|okay|decent)\b)
|(?P<s4__s5>\b(?:excellent|fantastic|popular|outstanding|amazing|superb|beloved|loved|favou?rite|great(?! (?:place )?(?:for|to))|perfect(?! (?:place )?(?:for|to)))\b)
"""

YOUNG = r"(?:famil(?:y|ies)|kids?'?s?|child(?:ren)?'?s?|childrens|toddlers|youngsters|all ages|little ones)"
NOT = r"(?:not|no|non|isn't|aren't|don't|doesn't|cannot|can't|never|isnt|arent|doesnt|dont|nor|nt|n't|without|anti|un|won't|wouldn't)"
NEXT = r"(?:(?!but\b|and\b|although\b|though\b|while\b|only\b)[\w'/]+ )"
FAMILY = rf"""
 (?P<no>\b{NOT},? (?:however, )?{NEXT}{{0,6}}{YOUNG}\b(?: (?:friendly|oriented|orientated|welcom\w+|suitable|allowed|place|atmosphere))?
  |\b{YOUNG}(?: friendly)?[:?,]? (?:is |are )?(?:not|n't|no|never|aren't|isn't)\b(?! (?:high|low|expens|cheap|far))(?: (?:welcom\w+|allowed|permitted|friendly|suitable))?|\b{YOUNG} (?:are |is )?(?:prohibited|forbidden|banned|discouraged|unwelcome)
  |\b{YOUNG} (?:un|non ?)friendly|\badults? (?:only|orient\w*|audience|establishment|clientele|clients|venue|setting|environment|atmosphere)
  |\b(?:only )?(?:for|caters? (?:to|for)|geared towards?|suit\w*|only) adults?\b(?!.{{0,12}}(?:{YOUNG}))|\b{YOUNG} free\b
  |\bunfriendly (?:to|for|towards?) {YOUNG}|\bnot friendly\b|\bunsuitable for {YOUNG}|\bunfriendly\b|\bleave the {YOUNG} at home)
|(?P<yes>\b{YOUNG} (?:and {YOUNG} )?(?:are |is )?(?:\w+ )?(?:friendly|oriented|orientated|welcom\w*|suitable|allowed|catered|accepted|centered|orient\w*|based|focused|style|run|fun|environment|atmosphere|appropriate)
  |\b(?:friendly|welcom\w+|open|suit\w*|perfect|great|good|ideal|appropriate|accommodating|fun|place|caters?|catering|cater|geared|safe|fine|nice|accepts|allows?|excellent|choice|accommodates|friendly environment|made|enjoyable)
  (?: (?:to|for|of|towards?|with|in))?(?: (?:your|the|all|both|whole|entire|all the|young|small|any|a|adults and|couples and|everyone in the|the whole|your whole|the entire))* {YOUNG}
  |\b(?:bring|take|with) (?:(?!{NOT}\b)\w+ ){{0,3}}{YOUNG}\b|\bfamily (?:pub|restaurant|coffee|place|establishment|venue|dining|eatery|cafe|bar|shop|meal|friendly|setting|spot|outing)
  |\bfor (?:the |your |a |whole |all |all the |entire )*{YOUNG}\b(?! free)|\bfriendly {YOUNG}\b|\b{YOUNG} (?:can|will|may|would|get)\b)
"""
FAMILY_HINT = rf"(?P<yes>\b{YOUNG}\b)|(?P<no>\badults?\b|\bmature\b|\bgrown ups?\b)"

AREA = r"""
 (?P<riverside__city_centre>\b(?:near|close to|north|south|east|west|northern|outside|far|away|edge|out)(?: of| from| to| the| cambridge)* (?:city|town) ?(?:centre|center)s?\b)
|(?P<riverside>\briver ?sides?\b|\briver(?: ?banks?| ?front)?\b|\bwater(?:front|side)\b|\bbanks? of\b)
|(?P<city_centre>\b(?:city|town)'?s? ?(?:centre|center|centr|central)s?\b|\bcent(?:re|er) (?:city|town|area|of (?:the )?(?:city|town|cambridge))\b
  |\b(?:heart|middle) of (?:the )?(?:city|town)\b|\bdown ?town\b|\bcentral(?:ly)?\b|\bmid ?town\b|\binner city\b)
|(?P<harbour>\bharbou?r(?: ?side| ?front)?\b|\bdocks\b|\bquay(?:side)?\b)
|(?P<old_town>\bold (?:town|quarter)\b|\bhistoric (?:quarter|centre|center|town)\b)
|(?P<market_square>\bmarket (?:square|place)\b|\bsquare by the market\b)
|(?P<hillside>\bhill ?side\b|\bon the hill\b|\bup the hill\b)
|(?P<station_quarter>\bstation (?:quarter|area|district)\b|\b(?:train|railway) station\b)
"""
AREA_HINT = r"(?P<city_centre>\b(?:city|cent(?:re|er))\b)"

FOOD = r"""
 (?P<english>\b(?:english|british(?! pound))\b)
|(?P<chinese>\bchinese\b|\bchina food\b)
|(?P<french>\bfrench\b(?! (?:fries|toast)))
|(?P<japanese>\b(?:japanese|sushi)\b)
|(?P<italian>\b(?:italian|pasta|pizzas?)\b)
|(?P<indian>\b(?:indian|curry|curries)\b)
|(?P<fast_food>\bfast foods?\b|\bfast service food\b|\bburgers?\b)
|(?P<thai>\bthai\b)|(?P<greek>\bgreek\b)|(?P<mexican>\b(?:mexican|tacos)\b)|(?P<turkish>\b(?:turkish|kebabs?)\b)
|(?P<korean>\bkorean\b)|(?P<spanish>\b(?:spanish|tapas)\b)|(?P<vietnamese>\bvietnamese\b)|(?P<lebanese>\blebanese\b)
|(?P<moroccan>\bmoroccan\b)|(?P<polish>\bpolish\b)|(?P<seafood>\bsea ?food\b)|(?P<vegetarian>\b(?:vegetarian|veggie|meat free)\b)
"""
FOOD_HINT = r"(?P<french>\bwines?\b.*\bcheeses?\b|\bcheeses?\b.*\bwines?\b)|(?P<fast_food>\bfast\b|\bquick\b)|(?P<english>\bengland\b)"

EAT_TYPE = r"""
 (?P<coffee_shop>\bcoffee ?(?:shops?|houses?|place|bars?|store|spot|joint|establishment|serving|cafe|restaurant)\b|\bcafe\b)
|(?P<wine_bar>\bwine bars?\b)
|(?P<pub>\b(?:pubs?|bars?|tavern|public house)\b)
|(?P<bakery>\b(?:bakery|baker's|bake ?house)\b)
|(?P<tea_room>\btea ?(?:rooms?|house|shop)\b)
"""
# Everybody calls any place a restaurant, so the word confirms that fact and never contradicts another.
EAT_TYPE_HINT = (
    r"(?P<restaurant>\b(?:restaurants?|restaurante?|eatery|diner|bistro|dining)\b)|(?P<coffee_shop>\bcoffees?\b)"
)

FIRM = {
    "eatType": EAT_TYPE,
    "priceRange": PRICE,
    "customer rating": RATING,
    "food": FOOD,
    "area": AREA,
    "familyFriendly": FAMILY,
}
HINTS = {
    "eatType": EAT_TYPE_HINT,
    "customer rating": RATING_HINT,
    "food": FOOD_HINT,
    "area": AREA_HINT,
    "familyFriendly": FAMILY_HINT,
}


def compiled(pattern: str) -> re.Pattern[str]:
    """Blanks in a pattern are blanks in the text; only line breaks and the margin are layout."""
    return re.compile(re.sub(r"\n *", "", pattern).strip())


FIRM_PATTERNS = {slot: compiled(pattern) for slot, pattern in FIRM.items()}
HINT_PATTERNS = {slot: compiled(pattern) for slot, pattern in HINTS.items()}

VERB = re.compile(
    r"\b(?:is|are|was|has|have|had|offers?|serv\w+|provid\w+|locat\w+|situated|sells?|can|gets?|got|find|found|try|visit"
    r"|rated|rates?|cost\w*|lies|sits|stands|boasts?|features?|welcom\w+|caters?|does|do|come|comes|go|goes|gives?|given"
    r"|called|named|priced|enjoy|head|check|stop|look\w*|eat|specialis\w+|specializ\w+|makes?|there's|it's|they're|isn't"
    r"|aren't|doesn't|receiv\w+|range\w*|known|charges?|takes?|dine|want|need|you'll|keeps?|runs?|needs?|allow\w*|bring)\b"
)
DANGLING = re.compile(r"\b(?:the|a|an|and|or|of|in|at|with|is|are|its|for|but|very|that|which|has)[ .,]*$")
STAMMER = re.compile(r"\b(\w+) \1\b")
