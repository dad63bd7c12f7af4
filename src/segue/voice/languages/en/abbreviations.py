"""English abbreviations, by what a full stop behind them means."""

CONTINUES = frozenset(
    "reg p.s mr mrs ms mx messrs dr prof drs fr e.g i.e eg ie cf viz vs approx ca c.f esp incl excl resp aka"
    " a.k.a w.r.t op.cit ibid q.v mt feat".split()
)
"""The sentence always goes on."""

TITLES = frozenset(
    "Rev Hon Gen Col Maj Capt Cpt Cmdr Lt Sgt Cpl Pvt Adm Sen Rep Gov Pres Amb Supt Insp Det Fr Sr Br Msgr Ft"
    " Prof Dr Mr Mrs Ms Mx Messrs Mt Sra Sec Treas Asst Assoc Atty Dep Spc Pfc Ofc Cong Chas Wm Geo Thos Jas"
    " Jos Benj Robt Edw Alex Ald Bp Abp Card Ven Brig Comdr Ens Mdm Mme Mlle Ste Pte Const Cnr v".split()
)
"""Before a name, when capitalised so; written small they are other words."""

OPEN = frozenset(
    "st ave blvd rd ln hwy sq pl inc ltd corp co llc bros jr sr esq ph.d m.d b.a m.a b.sc m.sc d.phil al dept"
    " univ assn est ed eds trans u.s u.s.a u.k u.n e.u u.a.e a.m p.m d.c a.d b.c b.c.e c.e l.a n.y r.s.v.p"
    " tel ext fwd max avg misc temp ref refs pt pts govt natl intl dist mfg ste apt bldg ca p.o p.t def ret"
    " qty pty min pkwy ct ter hts n.b fl cnr tce crt".split()
)
"""The sentence may end: it does if the next word is one that sentences begin with."""

ENDS = frozenset("etc".split())
"""The sentence ends if the next word is capitalised."""

UNITS = frozenset(
    "min mins hr hrs sec secs lb lbs oz ft in yd yds mi kg g mg mcg km m cm mm l ml cl dl gal qt mph kph rpm tbsp"
    " tsp doz kcal cal kb mb gb tb hz khz mhz ghz kw kwh bn mn mln mio thou k cu wk wks mo mos yr yrs".split()
)
"""Behind a number: the sentence ends if the next word is capitalised. Elsewhere they are words like any other."""

NUMBERED = frozenset(
    "reg no nos art arts fig figs sec secs ch chs vol vols pp par para eq eqs ex exs tab item items cl ver pl"
    " app jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun rm op"
    " bwv rev def thm lem prop cor step ps cant bk pg".split()
)
"""Before a number the sentence goes on. Elsewhere they are words like any other."""

STARTERS = frozenset(
    "the a an this that these those he she it we they you i my your his her its our their there here in on at for"
    " from with by after before when while if because since although though however but and so then thus therefore"
    " moreover also now today tomorrow yesterday tonight what where who whose why how which is are was were do"
    " does did can could would should will may might must have has had please let lets yes no not dont never one"
    " some many most all each every another both either neither first second third finally next later meanwhile as"
    " to of or yet still even only just once until unless whenever instead nobody everyone someone nothing"
    " everything something more less other others ok okay well oh sorry thanks thank its im were theyre youre hes"
    " shes ill well weve ive thats theres heres lets whats despite during under over between without within"
    " through about above below besides otherwise nevertheless nonetheless furthermore additionally perhaps maybe"
    " according any anyone make take use see check note remember try call click open go come keep get give look"
    " add turn press choose select stir mix bake cook serve pour heat remove repeat cover simmer whisk preheat"
    " drain season fold slice chop bring lower raise reduce allow wait rest rinse place put pull push hold run"
    " restart reboot install update save send read write tell say ask listen stop start begin finish".split()
)
"""Words that sentences begin with and names do not; in small letters, without apostrophes."""

SAID = frozenset(
    "said says asked asks shouted cried whispered replied answered called yelled screamed exclaimed added laughed"
    " muttered wondered demanded inquired repeated continued gasped sighed snapped insisted screams shouts".split()
)
"""What follows a name behind a quotation that ended in a question or a cry."""

LABELS = frozenset(
    "step chapter part section lesson task question option day week level stage phase rule method example"
    " exercise figure fig table note tip act scene round unit appendix article art clause problem theorem"
    " lemma definition item version release episode season volume vol book track case scenario attempt test"
    " point reason mistake myth fact module".split()
)
"""Words whose number at the beginning of a line is followed by a title, in small letters."""

SURNAMES = frozenset(
    "will may cook so an her you do one first chop place pull press hold fold rest pour lower raise drain"
    " rinse wait given mark can chip stone over still look call read bring case short might what well see to"
    " but as put its mix ill add are now".split()
)
"""Words that sentences begin with, and people are called; behind an initial they are names."""

LEADS: frozenset[str] = frozenset()
"""Prepositions of time; English units are unsure wherever they stand."""

PLACES = frozenset(
    "Ala Ariz Ark Calif Colo Conn Del Fla Ga Ill Ind Kan Kans Ky La Mass Md Me Mich Minn Miss Mo Mont Neb Nev"
    " Okla Ore Pa Penn Tenn Tex Va Vt Wash Wis Wyo Ont Que Alta Man Sask".split()
)
"""Places behind a comma: the sentence may end."""

JOINTS = frozenset("and but so or then".split())
"""Words that join a clause to the one before."""
