# ruff: noqa: E501, SIM905 (lists of words are read and edited as running text)
"""The word lists of the editor, English only."""

from __future__ import annotations

FUNCTION_WORDS = frozenset(
    """
    a an the this that these those some any each every all both i me my mine we us our ours you your
    yours he him his she her hers it its they them their theirs am is are was were be been being 's 're
    'm do does did done has have had having can could will would shall should may might must of in on at
    to from by for with about into onto over under through during between as than and or but so if then
    there here up out off not no nor n't also too very just
    above across behind beside below beneath underneath outside inside near
    since until per via while within who whom whose what which when where why how
    it's that's there's what's who's where's i'm we're
    """.split()
)
COPULAS = frozenset(
    """
    is are was were am be 's
    """.split()
)
"""Forms of 'to be'."""
NEGATIONS = frozenset(
    """
    not no never none nobody nothing neither nor without cannot can't don't doesn't didn't isn't aren't
    wasn't weren't won't wouldn't shouldn't couldn't hasn't haven't hadn't longer
    """.split()
)
FIRST_PERSON = frozenset(
    """
    i my me mine i'm i've i'd i'll myself
    """.split()
)
SCAFFOLD_WORDS = frozenset(
    """
    tell know name named called number person like give say please
    """.split()
)
"""Words that a question may use without bringing in anything new."""
COMMON_FIRST = frozenset(
    """
    deliveries our my everyone everybody nobody all most many lunch dinner breakfast parking access entry
    support customers employees staff visitors guests orders tickets office
    invoices refunds returns payments expenses shipments packages bookings reservations meetings backups passwords
    reports applications contracts students members patients residents volunteers drivers lessons classes
    please remember actually today tomorrow yesterday currently starting rent admission shipping
    """.split()
)
"""Ordinary words that often begin a sentence: there their capital says nothing."""
ANSWER_KIND_WORDS = frozenset(
    """
    date day time year month week hour minute city town country place location person price cost amount
    length long many much often value type kind company version exact current address
    """.split()
)
"""Words that only say what kind of answer is wanted."""
VAGUE_NOUNS = frozenset(
    """
    thing object item word name sentence number amount kind type value time date day year hour person people
    place price cost duration unknown none yes what the
    """.split()
)
"""What is no word to ask for a thing by: it says too little, or asks for a value of another kind."""
OTHER_RELATIONS = frozenset(
    """
    own owns owner owned founder founded creator created inventor close closes end ends start starts
    begin old born die died after before until maximum minimum average next previous last first ago
    employees team include includes mean means need believe why exact
    """.split()
)
"""Words that, when the statement does not hold them, ask for another fact than the one that was told."""
FINITE_VERBS = frozenset(
    """
    has have had can cannot can't will must needs does did takes took costs cost runs ran uses leads led manages
    managed opened founded moved belongs lives lived works worked ships shipped made makes wrote writes
    built builds bought sold won lost became begins began ended holds held keeps kept means meant meets
    met pays paid said sits stands stood speaks spoke starts sells goes went comes came gave gives got
    left grew knew i'm we're it's that's use work live like prefer love own speak drive run sell ship
    meet open close offer start begin end accept charge provide need require serve pay keep hold teach
    study play arrive leave
    drew flew threw chose broke fell found fought forgot froze hid rode rose sang sank slept spent stole swam
    taught thought told understood woke wore lent sent caught brought fed felt hung hit hurt lay lit put
    shook shone shot shut stuck swept tore cut
    """.split()
)
"""Verbs of statements that no regular ending gives away."""
NUMBER_WORDS = frozenset(
    """
    two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred
    """.split()
)
"""Numbers in letters; 'one' is mostly a pronoun."""
SYNONYMS = tuple(
    frozenset(group.split())
    for group in """
charge responsible lead leads led leader run runs manage manages manager head heads operate operated oversee oversees supervise supervises supervisor direct directs director handle handles boss control
cost costs price priced fee charge charges pay paid amount rent worth
called named name title
located location situated based moved relocated move place held find found stands
open opens opening opened available accessible visit start starts
start starts begin begins beginning started founded establish established create created opened set founder
close closes closed shut
use uses used employ utilize rely
weigh weighs weight heavy
need needs require requires required requirement necessary must
come comes arrive arrives arrival delivered deliver delivery
reach reached contact call phone available
prefer prefers preferred preference like likes favorite favourite
held takes place happen happens hosted meeting meet meets scheduled
last lasts take takes long duration length
release released launch launched ship ships shipped published
work works job employed employer
live lives home reside resides
own owns owner belong belongs
capital color colour
limit maximum
has have contain contains hold
""".strip().splitlines()
)
"""Words that may stand for each other in a question or a rewrite, a group a line."""
DIRECTIONS = frozenset(
    """
    from to into onto before after above below over under until since without least most than more less only
    """.split()
)
"""Words whose change makes another fact of the same words."""
LIGHT_WORDS = frozenset("come comes get gets now currently new today already also".split())
"""Words of a statement that a question may leave out."""
