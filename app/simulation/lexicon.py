"""How people say the facts of a place: for each slot, its meanings and the phrases that state them.

Phrases run over the normal form of a text (`facts.normal`): lower case, no accents, single spaces, hyphens as
spaces except between digits. A meaning joins with `__` the values it is true of, so `cheap__moderate` ("affordable")
contradicts neither. The leftmost phrase wins, then the first: "above average prices" never counts as "average prices".
A hint is too weak to state or contradict anything, but it confirms a fact that is not stated otherwise. What means
`nothing` is passed over: "north of the city centre" puts no place into it.
"""

import re

Phrases = dict[str, tuple[str, ...]]

PRICE_NOUN = r"(?:(?:menu |food |meal |average )?(?:price[sd]?|pricing|cost(?:s|ing)?)(?: ranged?s?| point| bracket)?)"
RATING_NOUN = (
    r"(?:(?:customers?'?s? |consumers? |client |guest |user |visitor |overall |public |service |satisfaction |star )*"
    r"(?:rat(?:ed|ing|ings|es?)|reviews?|reviewed|scores?|scored|feedback|satisfaction|approval|recommendations?"
    r"|recommended|regarded|reputation|opinions?|appraisal|acclaim(?:ed)?))"
)
LINK = (
    r"(?:(?:is|are|was|being|has|have|been|be|of|in|the|a|an|at|as|to|on|very|quite|pretty|rather|fairly|only|just"
    r"|that|which|it|its|generally|range|ranges|rank|side|from|by|customers|considered|somewhat|relatively|for"
    r"|received|remain|tends?|given|with|#)[,:]? )"
)
NUMBER = r"(?:[1-5]|one|two|three|four|five)"
NUMERALS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
POUND = r"(?:£|gbp |l|\$|€|euros? )?"
# Stops "high rating and price of £20", "average price of more than £30" from taking the adjective for the price.
UNSAID = (
    rf"\b(?! {LINK}{{0,3}}(?:£|\d|{NUMBER}\b|low|high|good|average|moderate|less|more|cheap|under|over|above|below))"
)
AMOUNT_NEXT = r"\b(?! (?:range |is |are |of |at |for a meal is )*(?:£|\d|less|more|over|under|low|high))"
OTHER_NOUN = r"(?! (?:quality|custom|rat|review|at |of ))"
NOT_PRICE = r"\b(?! (?:priced?|prices|cost|pricing))"
WORD = r"(?:(?!pric|cost|rat|custom|review|with\b|and\b|but\b|in\b)[\w']+ )?"
IS_NOT = r"(?:not|isn't|aren't|n't) (?:too |very |so |that |overly |exactly |at all |a )?"
MIDDLE = r"(?:moderate(?:ly)?|medium|mid(?:dle|dling)?|average(?:ly)?|standard|modest(?:ly)?|regular|intermediate)"

PRICE: Phrases = {
    "cheap__moderate": (
        rf"{IS_NOT}(?:expensive|pricey|costly)",
        r"affordabl[ey]\b",
        r"(?:fair(?:ly)?|good|great|decent(?:ly)?) price",
        r"(?:good|great) value",
        rf"(?:around|about|approximately) {POUND}20\b",
        r"low to (?:mid|moderate|average)",
        r"reasonabl[ey]\b(?! (?:rat|review))",
    ),
    "moderate__high": (
        rf"{IS_NOT}(?:cheap|inexpensive)\b",
        r"(?:mid|moderate) to high",
        rf"(?:around|about) {POUND}30\b",
        r"(?:moderately|slightly) (?:expensive|pricey)",
    ),
    "high": (
        rf"(?:above|over|higher than|more than) (?:the )?average (?:{PRICE_NOUN}|cost)",
        rf"(?:more|higher|greater) tha[nt] {POUND}[23]\d\b",
        rf"(?:over|above|exceed\w*|upwards? of|at least|north of|from) (?:a price of )?{POUND}3\d\b",
        rf"(?:starting (?:at|from)|minimum(?: of)?) {POUND}3\d\b",
        rf"{POUND}30 ?(?:\+|plus\b|and (?:up|over|above)|or (?:more|over))",
        r"(?:very |quite |rather )?(?:expensive|pricey|pricy|costly|upscale|upmarket|overpriced)(?:ly)?\b",
        r"high(?:er)? (?:end|range)\b",
        rf"high(?:er|ly|est)? {WORD}{PRICE_NOUN}(?! and (?:low|average))",
        rf"{PRICE_NOUN} {LINK}{{0,5}}(?:high|higher|expensive|steep)\b{OTHER_NOUN}",
        r"premium pric",
        rf"high {RATING_NOUN} and {PRICE_NOUN}{UNSAID}",
    ),
    "cheap": (
        rf"(?:less|lower|cheaper|no more|not more) tha[nt] (?:a )?{POUND}[12]\d\b",
        rf"(?:under|below|up to|at most|within|beneath) (?:the )?(?:price of |cost of )?{POUND}[12]\d\b",
        rf"{POUND}20 (?:or|and) (?:less|under|below)",
        r"(?:cheap(?:ly|er|est)?|inexpensive(?:ly)?|bargain|low budget|budget friendly|cost effective|economical)\b",
        r"budget\b(?! range)",
        rf"low(?:er|ly|est)? {WORD}{PRICE_NOUN}(?! and (?:high|average))",
        r"low in (?:price|cost)",
        rf"(?:under|below) average {PRICE_NOUN}",
        r"low (?:cost|range)\b",
        rf"{PRICE_NOUN} {LINK}{{0,5}}(?:low|lower)\b{OTHER_NOUN}",
        rf"low {RATING_NOUN} and {PRICE_NOUN}{UNSAID}",
    ),
    "moderate": (
        rf"{POUND}20 ?(?:-|to |and |or |through |/)? ?{POUND}25\b",
        rf"between {POUND}20\b",
        rf"{MIDDLE} {WORD}{PRICE_NOUN}{AMOUNT_NEXT}",
        r"(?:mid|medium|middle|moderate)(?: price)? (?:range[ds]?|bracket)\b(?! (?:custom|rat))",
        r"midpriced",
        rf"{PRICE_NOUN} {LINK}{{0,5}}(?:moderate|average|medium|middle|mid|normal)\b{OTHER_NOUN}",
        rf"(?:average|moderate) {RATING_NOUN} and {PRICE_NOUN}{UNSAID}",
        rf"moderate\b(?! {RATING_NOUN})",
    ),
}

GOOD = (
    r"(?:high(?:ly|er|est)?|good|great(?:ly)?|excellent(?:ly)?|well|top|best|favou?rabl[ey]|positive(?:ly)?|outstanding"
    r"|strong|fantastic|perfect|superb|wonderful|amazing|rave|exceptional(?:ly)?|glowing|stellar|fabulous)"
)
POOR = (
    r"(?:(?:not|n't) (?:very |so |too |particularly )?(?:highly|well|good|great|the best)|low(?:ly|er|est)?"
    r"|poor(?:ly)?|bad(?:ly)?|terribl[ey]|worst|negative(?:ly)?|unfavou?rabl[ey]|below average|less than average"
    r"|under|awful|dismal)"
)
FAIR = (
    r"(?:average(?:ly)?|mediocre|ok|okay|mid(?:dle|dling)?|mid range|moderate(?:ly)?|medium|decent(?:ly)?|fair(?:ly)?"
    r"|mixed|so so|satisfactory|standard|normal)"
)
OUT_OF = r"(?:/|out of|of|put of|our of|out)"

RATING: Phrases = {
    "number": (
        rf"{NUMBER}(?:\.0)?(?: customer| consumer)?(?: stars?| rating)? ?{OUT_OF} ?(?:a possible )?(?:5|five)\b",
        rf"average {RATING_NOUN} {LINK}{{0,3}}{NUMBER}\b",
        rf"{NUMBER} (?:customer )?rat(?:ed|ing)\b",
        rf"(?:{NUMBER}|single) ?stars?\b",
        rf"{RATING_NOUN}:? {LINK}{{0,3}}(?:an? )?{NUMBER}\b(?! (?:to|customer|different))",
    ),
    "s1__s2": (
        rf"{POOR} {WORD}{RATING_NOUN}",
        rf"{RATING_NOUN}:? {LINK}{{0,4}}{POOR}{NOT_PRICE}",
        rf"{POOR} {PRICE_NOUN} and (?:a )?{RATING_NOUN}{UNSAID}",
        r"poor (?:quality|service)\b",
        r"not (?:well |very )?(?:liked|popular|recommended)\b(?! for)",
    ),
    "s3": (
        rf"{FAIR} {WORD}{RATING_NOUN}",
        rf"{RATING_NOUN}:? {LINK}{{0,4}}{FAIR}{NOT_PRICE}",
        rf"average {PRICE_NOUN} and (?:a )?{RATING_NOUN}{UNSAID}",
        r"average quality\b",
    ),
    "s4__s5": (
        rf"{GOOD} {WORD}{RATING_NOUN}",
        rf"{RATING_NOUN}:? {LINK}{{0,4}}{GOOD}{NOT_PRICE}",
        rf"{GOOD} {PRICE_NOUN} and (?:a )?{RATING_NOUN}{UNSAID}",
        r"(?:well|much) (?:liked|loved)\b",
        r"highly recommend\w*",
        r"high quality\b",
        r"customers (?:really )?(?:love|like|enjoy|rave)",
    ),
}
RATING_HINT: Phrases = {
    "s1__s2": (r"(?:bad|poor|terrible|awful|low|complain\w*|disappoint\w*|unpopular)\b",),
    "s3": (r"(?:average|mediocre|ok|okay|decent)\b",),
    "s4__s5": (
        r"(?:excellent|fantastic|popular|outstanding|amazing|superb|beloved|loved|favou?rite)\b",
        r"(?:great|perfect)\b(?! (?:place )?(?:for|to)\b)",
    ),
}

YOUNG = r"(?:famil(?:y|ies)|kids?'?s?|child(?:ren)?'?s?|childrens|toddlers|youngsters|all ages|little ones)"
NOT = (
    r"(?:not|no|non|nor|isn't|aren't|don't|doesn't|cannot|can't|never|isnt|arent|doesnt|dont|nt|n't|without|anti|un"
    r"|won't|wouldn't)"
)
STILL = r"(?:(?!but\b|and\b|although\b|though\b|while\b|only\b)[\w'/]+ )"
FRIENDLY = r"(?:friendly|oriented|orientated|orient\w*|welcom\w*|suitable|allowed|permitted|appropriate)"
GOOD_FOR = (
    r"(?:friendly|welcom\w+|open|suit\w*|perfect|great|good|ideal|appropriate|accommodat\w+|fun|place|cater(?:s|ing)?"
    r"|geared|safe|fine|nice|accepts|allows?|excellent|choice|made|enjoyable)"
)
WHOSE = r"(?: (?:your|the|all|both|whole|entire|young|small|any|a|adults and|couples and|everyone in))*"
ADULT_PLACE = r"(?:only|orient\w*|audience|establishment|clientele|clients|venue|setting|environment|atmosphere)"
FAMILY_PLACE = (
    r"(?:pub|restaurant|coffee|place|establishment|venue|dining|eatery|cafe|bar|shop|meal|setting|spot|outing"
    r"|catered|accepted|centered|based|focused|style|run|fun|environment|atmosphere)"
)

FAMILY: Phrases = {
    "no": (
        rf"{NOT},? (?:however, )?{STILL}{{0,6}}{YOUNG}\b(?: (?:{FRIENDLY}|place|atmosphere))?",
        rf"{YOUNG}(?: friendly)?[:?,]? (?:is |are )?(?:not|n't|no|never|aren't|isn't)\b"
        rf"(?! (?:high|low|expens|cheap|far))(?: {FRIENDLY})?",
        rf"{YOUNG} (?:are |is )?(?:prohibited|forbidden|banned|discouraged|unwelcome)",
        rf"{YOUNG} (?:(?:un|non ?)friendly|free\b)",
        rf"adults? {ADULT_PLACE}",
        rf"(?:only )?(?:for|caters? (?:to|for)|geared towards?|suit\w*|only) adults?\b(?!.{{0,12}}{YOUNG})",
        rf"(?:unfriendly (?:to|for|towards?)|unsuitable for) {YOUNG}",
        r"(?:not friendly|unfriendly)\b",
        rf"leave the {YOUNG} at home",
    ),
    "yes": (
        rf"{YOUNG} (?:and {YOUNG} )?(?:are |is )?(?:\w+ )?(?:{FRIENDLY}|{FAMILY_PLACE}\b)",
        rf"{GOOD_FOR}(?: (?:to|for|of|towards?|with|in))?{WHOSE} {YOUNG}",
        rf"(?:bring|take|with) (?:(?!{NOT}\b)\w+ ){{0,3}}{YOUNG}\b",
        rf"for{WHOSE} {YOUNG}\b(?! free)",
        rf"{YOUNG} (?:can|will|may|would|get)\b",
    ),
}
FAMILY_HINT: Phrases = {"yes": (rf"{YOUNG}\b",), "no": (r"(?:adults?|mature|grown ups?)\b",)}

CITY_CENTRE = r"(?:city|town)'?s? ?(?:centre|center|centr|central)s?"
AREA: Phrases = {
    "nothing": (
        r"(?:near|close to|north|south|east|west|northern|outside|far|away|edge|out)"
        rf"(?: of| from| to| the| cambridge)* {CITY_CENTRE}\b",
    ),
    "riverside": (r"river ?sides?\b", r"river(?: ?banks?| ?front)?\b", r"water(?:front|side)\b", r"banks? of\b"),
    "city_centre": (
        rf"{CITY_CENTRE}\b",
        r"cent(?:re|er) (?:city|town|area|of (?:the )?(?:city|town|cambridge))\b",
        r"(?:heart|middle) of (?:the )?(?:city|town)\b",
        r"(?:down ?town|mid ?town|inner city|central(?:ly)?)\b",
    ),
    "harbour": (r"harbou?r(?: ?side| ?front)?\b", r"docks\b", r"quay(?:side)?\b"),
    "old_town": (r"old (?:town|quarter)\b", r"historic (?:quarter|centre|center|town)\b"),
    "market_square": (r"market (?:square|place)\b",),
    "hillside": (r"hill ?side\b", r"(?:on|up) the hill\b"),
    "station_quarter": (r"station (?:quarter|area|district)\b", r"(?:train|railway) station\b"),
}
AREA_HINT: Phrases = {"city_centre": (r"(?:city|cent(?:re|er))\b",)}

FOOD: Phrases = {
    "english": (r"(?:english|british(?! pound))\b",),
    "chinese": (r"chinese\b", r"china food\b"),
    "french": (r"french\b(?! (?:fries|toast))",),
    "japanese": (r"(?:japanese|sushi)\b",),
    "italian": (r"(?:italian|pasta|pizzas?)\b",),
    "indian": (r"(?:indian|curry|curries)\b",),
    "fast_food": (r"fast (?:service )?foods?\b", r"burgers?\b"),
    "greek": (r"greek\b",),
    "korean": (r"korean\b",),
    "lebanese": (r"lebanese\b",),
    "mexican": (r"(?:mexican|tacos)\b",),
    "moroccan": (r"moroccan\b",),
    "polish": (r"polish\b",),
    "seafood": (r"sea ?food\b",),
    "spanish": (r"(?:spanish|tapas)\b",),
    "thai": (r"thai\b",),
    "turkish": (r"(?:turkish|kebabs?)\b",),
    "vegetarian": (r"(?:vegetarian|veggie|meat free)\b",),
    "vietnamese": (r"vietnamese\b",),
}
FOOD_HINT: Phrases = {"french": (r"wines?\b.*\bcheeses?\b", r"cheeses?\b.*\bwines?\b"), "fast_food": (r"fast\b",)}

COFFEE_KIND = r"(?:shops?|houses?|place|bars?|store|spot|joint|establishment|serving|cafe|restaurant)"
EAT_TYPE: Phrases = {
    "coffee_shop": (rf"coffee ?{COFFEE_KIND}\b", r"cafe\b"),
    "wine_bar": (r"wine bars?\b",),
    "pub": (r"(?:pubs?|bars?|tavern|public house)\b",),
    "bakery": (r"(?:bakery|baker's|bake ?house)\b",),
    "tea_room": (r"tea ?(?:rooms?|house|shop)\b",),
}
# Everybody calls any place a restaurant, so the word confirms that fact and never contradicts another.
EAT_TYPE_HINT: Phrases = {
    "restaurant": (r"(?:restaurante?s?|eatery|diner|bistro|dining)\b",),
    "coffee_shop": (r"coffees?\b",),
}


def _compiled(phrases: Phrases) -> re.Pattern[str]:
    return re.compile("|".join(rf"(?P<{meaning}>\b(?:{'|'.join(ways)}))" for meaning, ways in phrases.items()))


FIRM_PATTERNS = {
    "eatType": _compiled(EAT_TYPE),
    "food": _compiled(FOOD),
    "priceRange": _compiled(PRICE),
    "customer rating": _compiled(RATING),
    "area": _compiled(AREA),
    "familyFriendly": _compiled(FAMILY),
}
HINT_PATTERNS = {
    "eatType": _compiled(EAT_TYPE_HINT),
    "food": _compiled(FOOD_HINT),
    "customer rating": _compiled(RATING_HINT),
    "area": _compiled(AREA_HINT),
    "familyFriendly": _compiled(FAMILY_HINT),
}

VERB = re.compile(
    r"\b(?:is|are|was|has|have|had|offers?|serv\w+|provid\w+|locat\w+|situated|sells?|can|gets?|got|find|found|try|visit"
    r"|rated|rates?|cost\w*|lies|sits|stands|boasts?|features?|welcom\w+|caters?|does|do|come|comes|go|goes|gives?"
    r"|given|called|named|priced|enjoy|head|check|stop|look\w*|eat|specialis\w+|specializ\w+|makes?|there's|it's"
    r"|they're|isn't|aren't|doesn't|receiv\w+|range\w*|known|charges?|takes?|dine|want|need|you'll|keeps?|runs?"
    r"|needs?|allow\w*|bring)\b"
)
DANGLING = re.compile(r"\b(?:the|a|an|and|or|of|in|at|with|is|are|its|for|but|very|that|which|has)[ .,]*$")
STAMMER = re.compile(r"\b(\w+) \1\b")
