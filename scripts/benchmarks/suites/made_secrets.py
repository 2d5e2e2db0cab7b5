"""Sentences that hold a secret, made at run time: written before the rules of guardian/secret_rules.py were read.

Vendors' key formats are public; their bodies are drawn here, so that no key, not even a false one, lies in the
repository. The conversational ones are made of words, as people choose them.
"""
# ruff: noqa: E501 (a sentence is read as one line)

from __future__ import annotations

import base64
import json
import random
import string

LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
ALNUM = LOWER + UPPER + DIGITS
HEX = DIGITS + "abcdef"
WORDS = [
    "abandon",
    "acoustic",
    "bamboo",
    "canyon",
    "dragon",
    "elbow",
    "fabric",
    "garden",
    "hollow",
    "ivory",
    "jungle",
    "kitten",
    "ladder",
    "magnet",
    "napkin",
    "orchard",
    "pepper",
    "quarter",
    "ribbon",
    "saddle",
    "thunder",
    "umbrella",
    "velvet",
    "whisper",
    "yellow",
    "zebra",
    "anchor",
    "bishop",
    "cactus",
]

VENDOR = (
    ("openai project key", "Our OpenAI key is sk-proj-{alnum:48}."),
    ("anthropic", "Claude runs with sk-ant-api03-{alnum:80}-{alnum:8}AA"),
    ("aws access key id", "Deploy with AKIA{base32:16} in eu-west-1."),
    ("aws secret", "aws_secret_access_key = {alnum:40}"),
    ("github classic", "Clone it with ghp_{alnum:36}."),
    ("github fine-grained", "The bot uses github_pat_{alnum:22}_{alnum:59}"),
    ("github oauth", "The token gho_{alnum:36} still works"),
    ("gitlab", "GitLab CI logs in with glpat-{alnum:20}."),
    ("slack bot", "Slack posts through xoxb-{digits:12}-{digits:12}-{alnum:24}"),
    ("slack webhook", "Post it to https://hooks.slack.com/services/T{upnum:8}/B{upnum:8}/{alnum:24}"),
    ("stripe", "The live Stripe key is sk_live_{alnum:24}"),
    ("stripe restricted", "Use rk_live_{alnum:24} for refunds"),
    ("google api", "Maps loads with AIza{alnum:35}"),
    ("google oauth", "The client secret is GOCSPX-{alnum:28}"),
    ("sendgrid", "Mails go out with SG.{alnum:22}.{alnum:43}"),
    ("twilio", "Twilio: SK{hex:32}"),
    ("npm", "npm publishes with npm_{alnum:36}"),
    ("pypi", "PyPI token pypi-AgEIcHlwaS5vcmc{alnum:60}"),
    ("hugging face", "The model hub token is hf_{alnum:34}"),
    ("digitalocean", "dop_v1_{hex:64} opens the droplet"),
    ("mailgun", "Mailgun has key-{hex:32}"),
    ("telegram bot", "The Telegram bot answers to {digits:9}:AA{alnum:33}"),
    ("discord webhook", "https://discord.com/api/webhooks/{digits:18}/{alnum:68} posts the news"),
    ("shopify", "The shop app has shpat_{hex:32}"),
    ("square", "Square: sq0atp-{alnum:22}"),
    ("databricks", "Databricks wants dapi{hex:32}"),
    (
        "azure storage",
        "DefaultEndpointsProtocol=https;AccountName=reports;AccountKey={alnum:86}==;EndpointSuffix=core.windows.net",
    ),
    ("new relic", "New Relic: NRAK-{upnum:27}"),
    ("linear", "lin_api_{alnum:40} reads the tickets"),
    ("age key", "Decrypt it with AGE-SECRET-KEY-1{upnum:58}"),
)
STRUCTURED = (
    ("postgres", "The reports come from postgres://reporter:{alnum:14}@db.norvik.example:5432/sales"),
    ("mysql", "mysql://root:{word}{digits:3}@10.0.0.7/shop is where orders are"),
    ("mongo", "Connect to mongodb+srv://admin:{alnum:16}@cluster0.arden.example/test"),
    ("redis", "The cache is redis://:{alnum:20}@cache:6379/0"),
    ("amqp", "Queue: amqps://worker:{alnum:18}@mq.norvik.example/vhost"),
    ("https userinfo", "Pull from https://deploy:{alnum:20}@git.norvik.example/core.git"),
    ("jdbc", "jdbc:sqlserver://sql1:1433;databaseName=hr;user=sa;password={word}!{digits:4}"),
    ("odbc", "Server=sql1;Database=hr;Uid=sa;Pwd={word}{digits:4}!;"),
    ("jwt", "The session cookie is {jwt}"),
    ("bearer", "curl -H 'Authorization: Bearer {alnum:40}' https://api.norvik.example/v1"),
    ("basic auth", "Authorization: Basic {basic}"),
    ("rsa", "-----BEGIN RSA PRIVATE KEY-----\n{alnum:64}\n{alnum:64}\n-----END RSA PRIVATE KEY-----"),
    ("openssh", "My key: -----BEGIN OPENSSH PRIVATE KEY-----\n{alnum:70}\n-----END OPENSSH PRIVATE KEY-----"),
    ("pgp", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{alnum:64}\n-----END PGP PRIVATE KEY BLOCK-----"),
    ("env file", "SECRET_KEY_BASE={hex:64}"),
    ("yaml", "db:\n  user: app\n  password: {word}-{word}-{digits:2}"),
    ("json", '{"client_id": "arden", "client_secret": "{alnum:32}"}'),
    ("export", "export NORVIK_TOKEN={alnum:32}"),
    ("cli flag", "Run backup --user root --password {word}{digits:3}"),
    ("curl -u", "curl -u admin:{word}{digits:4} http://printer.arden.example/reset"),
)
SPOKEN = (
    ("wifi", "the wifi password is {word}{word}"),
    ("wifi 2", "To get online join Norvik-Guest, the passphrase is {word} {word} {word}"),
    ("wifi 3", "our wlan key: {word}{digits:4}"),
    ("pin", "My PIN is {digits:4}."),
    ("card pin", "The pin for the company card is {digits:4}, don't tell anyone"),
    ("door code", "The code for the back door is {digits:4}#"),
    ("gate", "You can get in at the gate with {digits:5}, that is the entry code"),
    ("alarm", "The alarm code at the shop is {digits:6}"),
    ("safe", "The combination of the safe is {digits:2}-{digits:2}-{digits:2}"),
    ("locker", "Locker 12's combination: {digits:2} {digits:2} {digits:2}"),
    ("phone unlock", "You can unlock my phone with {digits:6}"),
    ("password changed", "I changed my password to {word}{digits:2}!"),
    ("login", "log in as admin / {word}{digits:3}"),
    ("username and password", "username: ottilie password: {word}.{word}"),
    ("credentials", "The credentials for the portal are ottilie and {word}{digits:4}"),
    ("pw", "pw for the nas = {word}{digits:2}"),
    ("pass", "The pass to the shared drive is {Word}{digits:4}$"),
    ("root", "root's password on zephyr: {alnum:10}"),
    ("security answer", "The answer to my security question is {Word}, my first dog"),
    ("seed phrase", "My seed phrase is {words:12}"),
    ("recovery phrase", "wallet recovery words: {words:24}"),
    ("recovery code", "My backup code for the mail account is {alnum:4}-{alnum:4}-{alnum:4}"),
    ("totp", "The authenticator secret is {base32:32}"),
    ("otp", "The one-time code they sent me is {digits:6}"),
    ("encryption", "The disk is encrypted with the passphrase {word}-{word}-{word}-{word}"),
    ("vpn", "The pre-shared key of the VPN is {alnum:16}"),
    ("api key", "api key for the weather service: {hex:32}"),
    ("swedish nas", "NAS login is admin with password {Word}{digits:2}"),
    ("voicemail", "Voicemail passcode: {digits:4}"),
    ("zip file", "The zip file opens with the password {word}{word}{digits:1}"),
)
DISGUISED = (
    ("spaced word", "my p a s s w o r d is {word}{digits:2}"),
    ("zero width", "my pass\u200bword is {word}{digits:3}"),
    ("soft hyphen", "the pass\u00adword of the router is {word}{digits:3}"),
    ("leet", "the p4ssw0rd is {word}{digits:2}"),
    ("leet 2", "wifi pa$$word: {word}{word}"),
    ("full width", "ｐａｓｓｗｏｒｄ: {word}{digits:3}"),
    ("cyrillic", "the pаsswоrd is {word}{digits:3}"),
    ("dotted", "the p.a.s.s.w.o.r.d is {word}{digits:2}"),
    ("split key", "the github token is ghp_ {alnum:18} {alnum:18}"),
    ("zero width key", "use ghp_{alnum:12}\u200b{alnum:24} to push"),
    ("capitals", "MY PASSWORD IS {Word}{digits:2}"),
    ("typo", "my passwrod is {word}{digits:3}"),
)
GROUPS = {"vendor keys": VENDOR, "structured": STRUCTURED, "spoken": SPOKEN, "disguised": DISGUISED}


def sentences(seed: int = 0) -> list[tuple[str, str, str]]:
    """(group, kind, sentence) of every form, its secret drawn from `seed`."""
    draw = random.Random(seed)
    return [(group, kind, _filled(form, draw)) for group, forms in GROUPS.items() for kind, form in forms]


def _filled(form: str, draw: random.Random) -> str:
    """The form with each {kind:length} drawn; braces of JSON stand as they are."""
    out: list[str] = []
    rest = form
    while (at := rest.find("{")) >= 0:
        end = rest.find("}", at)
        name, _, length = rest[at + 1 : end].partition(":")
        drawn = _drawn(name, int(length) if length.isdigit() else 0, draw)
        if drawn:
            out += [rest[:at], drawn]
            rest = rest[end + 1 :]
        else:
            out.append(rest[: at + 1])
            rest = rest[at + 1 :]
    return "".join(out) + rest


def _drawn(name: str, length: int, draw: random.Random) -> str:
    alphabets = {
        "alnum": ALNUM,
        "upnum": UPPER + DIGITS,
        "digits": DIGITS,
        "hex": HEX,
        "base32": UPPER + "234567",
    }
    if name in alphabets:
        return "".join(draw.choices(alphabets[name], k=length))
    if name == "words":
        return " ".join(draw.choices(WORDS, k=length))
    if name in ("word", "Word"):
        word = draw.choice(WORDS)
        return word.capitalize() if name == "Word" else word
    if name == "jwt":
        payload = {"sub": str(draw.randrange(10**9)), "role": "admin"}
        return ".".join((_b64({"alg": "HS256", "typ": "JWT"}), _b64(payload), _drawn("alnum", 43, draw)))
    if name == "basic":
        return base64.b64encode(f"admin:{_drawn('alnum', 12, draw)}".encode()).decode()
    return ""


def _b64(value: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


ORDINARY = """\
The pass to the valley is closed from November to April.
The mountain pass for lorries is 4 km longer.
A boarding pass for flight NV204 is valid until 9 pm.
The bus pass for pupils was 29 euros in 2023.
The password must be at least 12 characters long.
Passwords should be changed every 90 days.
We changed the password policy to twelve characters.
The team switched from passwords to passkeys in 2024.
The password field is marked with a red star.
I forgot my password and asked Ottilie for help.
The password reset link is sent by mail.
The login page is at the top of the portal.
The credentials committee is Ottilie and Bram.
The pin of the grenade was 4 cm long.
Pin 12 of the connector carries 5 volts.
The key to success is 10000 hours of practice.
The key is under the doormat, as always.
The key of the sonata is D minor.
The token is 3 cm wide and made of brass.
A token ring network has 16 stations.
The answer to the question is 42.
The answer to my question is in chapter 7.
The secret of the soup is 24 hours of patience.
The combination of red and blue is purple.
The combination of 3 notes is called a triad.
The locker room opens at 6:30.
Locker 12 is next to the stairs.
The safe weighs 120 kg.
The gate for flight 882 is B14.
Gate 47 is at the far end of the hall.
You can get in at the gate with a ticket of 5 euros.
The country code of Norway is 47.
The area code for Arden is 0415.
The postal code of the town is 1205.
The dress code for the gala is black tie.
The error code 1603 means that the installer failed.
The product code of the lamp is ZX-8812.
The source code of the parser is 4200 lines long.
The building code 2015 asks for two exits.
The morse code for S is three dots.
The wifi reaches the garden, but not the shed.
The wifi in the library is slow after 5 pm.
The network has 14 switches and 3 routers.
The recovery takes 6 to 8 weeks.
The recovery phase is 12 months long.
The seed is sown in March and harvested in August.
The API of the weather service answers in 80 ms.
The API returns 404 when the city is unknown.
The session is on Tuesday at 10 in room 204.
The service account of the shop is run by the finance team.
The storage account is billed on the 1st of the month.
The VPN is down for 20 minutes every Sunday.
The shared drive is full at 2 terabytes.
The root of the tree is 8 metres deep.
The database has 1200 tables and 8 schemas.
The public key of the server is 2048 bits long.
The licence costs 499 euros a year.
The commit 9fceb02 fixed the parser.
The order 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed was shipped on Friday.
The build id is 550e8400-e29b-41d4-a716-446655440000.
Her maiden voyage was in 1912.
The admin office is in room 12, the login help in room 14.
Log in with your own name, then choose printer 4.
The security question of the debate was about borders.
The bank opens an account for 12 euros.
The alarm went off at 03:12 on Sunday.
The phone opens with a click and weighs 180 g.
The vault was opened with great ceremony in 1921.
Version 2.4.1 unlocks 3 new themes.
The museum opens with 12 new rooms.
The password of the day in the radio show is kindness.
Use the same words as the manual for passwords.
The bearer of the ring has 9 companions.
The basic course has 14 lessons.
The house number is 12, the flat number is 7.
The model number is QX-4410-B.
The serial number of the pump is 88123-A.
""".splitlines()
"""Ordinary sentences close to secrets in words or form, written after the rules were widened."""
