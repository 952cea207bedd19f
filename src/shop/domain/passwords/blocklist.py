"""Passwords that everybody tries first: common words with a number behind them, runs of keys, repetitions, dates.

The words are few and the patterns say the rest, so that the thousands they stand for need no file.
"""

import re
from collections.abc import Iterator
from typing import Final

# In lower case and letters only; what people put around and in place of letters is taken off before.
_WORDS: Final = """
password passwort passwords passphrase passcode passord wachtwoord motdepasse contrasena senha parola haslo heslo
salasana adgangskode losenord lozinka parol sifre mypassword mypass yourpassword newpassword oldpassword thepassword
nopassword apassword passwordpassword passpass pass pwd geheim geheimnis secret secrets topsecret verysecret mysecret
segreto secreto changeme changethis changeit letmein letmeinnow letmeinplease opensesame sesame openup enter entrar
login logon signin signup default standard guest visitor user username useruser testuser test tester testing testtest
testpassword temp temporary example sample demo demodemo admin administrator administrador adminadmin sysadmin root
rootroot toor superuser superadmin webmaster webadmin master masterkey manager operator support service system server
database oracle mysql postgres apache cisco router linux ubuntu debian windows microsoft google facebook instagram
twitter youtube netflix amazon paypal ebay spotify pinterest linkedin adobe android iphone apple samsung nokia sony
playstation xbox nintendo computer internet laptop keyboard monitor printer hacker hacking hacked welcome welcomeback
willkommen bienvenue bienvenido benvenuto hello hellohello helloworld hallo hallohallo bonjour hola ciao goodbye
iloveyou iloveu ilovehim iloveher iloveme ilovemyself ilovegod iloveyousomuch loveyou loveme lovelove love lover lovely
mylove truelove tequiero teamo jetaime ichliebedich sweetheart darling honey babe baby babygirl babyboy babybaby
princess prince queen king kingking angel angels angelo heaven heavenly god godisgood jesus jesuschrist christ church
faith blessed bless hope grace peace freedom liberty justice happy happiness smile sunshine sunny sunday monday
tuesday wednesday thursday friday saturday january february march april june july august september october november
december spring summer autumn fall winter easter christmas holiday holidays vacation weekend birthday newyear
football fussball soccer futbol baseball basketball volleyball hockey tennis golf golfer cricket rugby swimming
skating skateboard snowboard surfing surfer fishing hunting hunter hunting running runner racing racer formulaone
liverpool chelsea arsenal manchester manutd manunited everton tottenham barcelona realmadrid juventus milan inter
bayern bayernmunich dortmund schalke ajax celtic rangers yankees redsox lakers bulls cowboys steelers eagles packers
patriots raiders giants dodgers redskins broncos panthers dolphins tigers lions bears michaeljordan ronaldo messi
neymar beckham superman batman spiderman ironman wolverine captain avengers starwars skywalker darthvader yoda
startrek enterprise spock matrix neo trinity morpheus gandalf frodo hobbit hogwarts harrypotter hermione voldemort
pokemon pikachu naruto dragonball dragon dragons dragonfly mario luigi zelda sonic minecraft fortnite roblox
counterstrike warcraft starcraft diablo callofduty battlefield halo doom quake metallica slipknot nirvana blink
greenday eminem rihanna beyonce madonna michael michaeljackson elvis beatles rocknroll rockstar rock metal guitar
piano drummer music musica dancer dancing ballet shadow shadows ghost ninja samurai warrior knight pirate vampire
zombie killer killers assassin sniper soldier marine army navy airforce police fireman doctor nurse teacher student
school college university monkey monkeys donkey elephant tiger lion leopard panther cheetah wolf wolves fox bear
pandas panda koala rabbit bunny hamster mouse kitty kitten kittycat cat cats dog dogs doggy doggie puppy horse horses
pony unicorn cow chicken eagle falcon hawk phoenix penguin dolphin shark whale turtle snake cobra viper python spider
scorpion butterfly ladybug buddy charlie max bella lucky rocky princessa snoopy mickey mickeymouse donald donaldduck
garfield tinkerbell cinderella barbie hellokitty simpsons homer bart scooby winnie tigger flower flowers rose roses
lily daisy jasmine violet orchid tulip sunflower orange lemon banana apples cherry strawberry peach mango pineapple
chocolate cookie cookies cupcake candy sugar honeybee pepper ginger cinnamon vanilla coffee tea beer vodka whiskey
tequila pizza pasta cheese bacon burger chicken noodles sushi butter bread potato tomato black white red green blue
yellow purple pink silver gold golden diamond diamonds crystal platinum rainbow thunder lightning storm hurricane
tornado snow snowball snowman icecream fire water earth wind river ocean beach island mountain forest garden nature
moon star stars starlight sunset galaxy universe cosmos america american usa canada england london paris berlin
hamburg munich muenchen wien zurich madrid roma rome lisbon moscow tokyo newyork newyorkcity boston chicago dallas
houston texas california florida hawaii mexico brasil brazil argentina colombia india pakistan china japan korea
australia sydney germany deutschland france italia italy espana spain russia poland polska ferrari porsche mercedes
bmw audi volkswagen toyota honda yamaha suzuki kawasaki harley harleydavidson mustang corvette camaro chevrolet chevy
ford dodge jeep nissan subaru lamborghini bugatti money rich richrich millionaire billionaire dollar dollars bitcoin
business company office work worker boss shop shopping shopper hexshop store market whatever nothing something anything
everything nobody somebody anybody blahblah asshole fuckyou fuckoff fuckme fuck shit bitch bastard sexy sexsex pussy
cocacola pepsi trustno trustme trustnoone access accessdenied granted security secure safe safety private personal
family mother father mama papa mommy daddy sister brother grandma grandpa friends friend bestfriend forever together
maria marie anna anne andrea angela anthony ashley amanda barbara benjamin brandon brian carlos caroline catherine
charles chris christian christina christopher daniel daniela david diana dominic edward elizabeth emily emma eric
fernando francesco francisco gabriel george hannah heather isabella jackson jacob james jasmin jason jennifer jeremy
jessica jessie john johnny jonathan jordan jose joseph joshua juan julia julian justin karen katherine kevin kimberly
laura lauren leonardo lisa louis lucas luis madison marcus margaret mark martin martina mary matthew melissa michelle
miguel monica nathan natalie nicholas nicole oliver olivia patricia patrick paul pedro peter philip rachel rebecca
richard robert ricardo roberto ryan samantha samuel sandra sarah scott sebastian sophia sophie stefan stefanie stephanie
stephen steven susan taylor thomas tiffany valentina vanessa veronica victoria vincent virginia william zachary
alexander alexandra alejandro ahmed mohamed mohammed muhammad ibrahim fatima ali hassan mustafa mehmet
"""
COMMON_WORDS: Final = frozenset(_WORDS.split())

# Runs of keys: rows and columns of keyboards, the alphabet, the digits.
_ROWS: Final = """
01234567890 abcdefghijklmnopqrstuvwxyz qwertyuiop asdfghjkl zxcvbnm qwertzuiop yxcvbnm azertyuiop qsdfghjklm wxcvbn
1qaz 2wsx 3edc 4rfv 5tgb 6yhn 7ujm 1q2w3e4r5t6y7u8i9o0p q1w2e3r4t5y6u7i8o9p0 qazwsxedcrfvtgbyhnujm qweasdzxc
147258369 789456123 123654789 !@#$%^&*() !"§$%&/()=
"""
_RUNS: Final = frozenset(
    row[start : start + length]
    for line in _ROWS.split()
    for row in (line, line[::-1])
    for length in range(3, len(row) + 1)
    for start in range(len(row) - length + 1)
)
_RUN_MAX: Final = max(map(len, _RUNS))
_LEET: Final = str.maketrans("01345789@$!|", "oieastbgasil")
_AROUND: Final = re.compile(r"[\W\d_]+")
_DATE: Final = re.compile(
    r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])|(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])(?:19|20)\d\d"
    r"|(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:19|20)\d\d"
)
_SEPARATORS: Final = re.compile(r"[-./ ]")
_AFFIX_MAX: Final = 6
_UNIT_MAX: Final = 4


def is_common(password: str) -> bool:
    """Whether somebody who guesses would try it among the first."""
    text = password.casefold()
    letters = core(password)
    half = letters[: len(letters) // 2]
    return (
        letters in COMMON_WORDS
        or (half in COMMON_WORDS and letters == half * 2)
        or _repeats(text)
        or _is_runs(text)
        or any(text[:end] in COMMON_WORDS and _is_runs(text[end:]) for end in range(3, len(text)))
        or _DATE.fullmatch(_SEPARATORS.sub("", text)) is not None
    )


def core(password: str) -> str:
    """The letters of a password without what is put around them and in their place: `P@ssw0rd2024!` is `password`.

    What has more than a few characters around its letters is left as it is.
    """
    text = password.casefold()
    for bare in _without_affixes(text):
        plain = "".join(character for character in bare.translate(_LEET) if character.isalpha())
        if plain in COMMON_WORDS:
            return plain
    stripped = _AROUND.sub("", text)
    return stripped if len(text) - len(stripped) <= _AFFIX_MAX else text


def _without_affixes(text: str) -> Iterator[str]:
    """What may be the word in it: digits and signs are taken off both ends, or kept, since they may be letters."""
    start = len(text) - len(text.lstrip("0123456789!@#$%^&*()_-+=.,;:?/ "))
    end = len(text.rstrip("0123456789!@#$%^&*()_-+=.,;:?/ "))
    for left in range(min(start, _AFFIX_MAX) + 1):
        for right in range(len(text), max(end, len(text) - _AFFIX_MAX) - 1, -1):
            if left < right:
                yield text[left:right]


def _repeats(text: str) -> bool:
    """Whether it is a few characters again and again."""
    return any((text[:unit] * len(text))[: len(text)] == text for unit in range(1, _UNIT_MAX + 1))


def _is_runs(text: str) -> bool:
    """Whether it is nothing but runs of keys, of three or more, and keys pressed several times."""
    at = 0
    while at < len(text):
        length = next((n for n in range(min(_RUN_MAX, len(text) - at), 2, -1) if text[at : at + n] in _RUNS), 0)
        same = len(text) - at - len(text[at:].lstrip(text[at]))
        if max(length, same) < 2:
            # One or two keys at the end make nothing of it.
            return 0 < len(text) - at <= 2 < at
        at += max(length, same)
    return True
