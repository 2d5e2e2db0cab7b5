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
WORDS = (
    "abandon acoustic bamboo canyon dragon elbow fabric garden hollow ivory jungle kitten ladder magnet napkin "
    "orchard pepper quarter ribbon saddle thunder umbrella velvet whisper yellow zebra anchor bishop cactus"
).split()

VENDOR = (
    ("openai project key", "Our OpenAI key is sk-proj-{alnum:48}."),
    ("anthropic", "Claude runs with sk-ant-api03-{alnum:80}-{alnum:8}AA"),
    ("aws access key id", "Deploy with AKIA{upnum:16} in eu-west-1."),
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
    ("azure storage", "DefaultEndpointsProtocol=https;AccountName=reports;AccountKey={alnum:86}==;EndpointSuffix=core.windows.net"),
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
    return [
        (group, kind, _filled(form, draw)) for group, forms in GROUPS.items() for kind, form in forms
    ]


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
    alphabets = {"alnum": ALNUM, "upnum": UPPER + DIGITS, "digits": DIGITS, "hex": HEX, "base32": UPPER + "234567"}
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
