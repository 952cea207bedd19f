"""Messages: the genuine are read, the forged rejected."""

from datetime import timedelta

import pytest

from shop.adapters.contracts.payments.subject import (
    GatewayPromises,
    GatewayUnderTest,
    alone,
    captured,
    new_request,
)
from shop.application.ports.payments import SignatureRejected


class NewsPromises(GatewayPromises):
    """Messages: the genuine are read, the forged rejected."""

    @alone
    async def test_genuine_news_are_read(self, subject: GatewayUnderTest) -> None:
        state = await captured(subject, new_request(subject))
        body = subject.news(state.provider_ref)
        for seconds in (0, -290, 290):
            headers = subject.sign(body, subject.clock.now() + timedelta(seconds=seconds), None)
            news = subject.gateway.read_news(body, headers)
            assert news.provider == subject.gateway.provider
            assert news.object_ref == state.provider_ref
            assert news.event_ref
            assert news.event_type
            assert news.body == body

    @alone
    async def test_s63_forged_news_are_rejected(self, subject: GatewayUnderTest) -> None:
        state = await captured(subject, new_request(subject))
        body, now = subject.news(state.provider_ref), subject.clock.now()
        genuine = subject.sign(body, now, None)
        [(header, signature)] = genuine.items()
        moment, _, rest = signature.partition(",")
        forgeries: dict[str, tuple[bytes, dict[str, str]]] = {
            "no header": (body, {}),
            "empty header": (body, {header: ""}),
            "another secret": (body, subject.sign(body, now, "whsec_of_somebody_else")),
            "old": (body, subject.sign(body, now - timedelta(minutes=6), None)),
            "from the future": (body, subject.sign(body, now + timedelta(minutes=6), None)),
            "another body": (body + b" ", genuine),
            "no body": (b"", genuine),
            "another moment": (body, {header: f"t={int(now.timestamp()) + 1},{rest}"}),
            "two moments": (body, {header: f"{moment},{signature}"}),
            "no moment": (body, {header: rest}),
            "no number as moment": (body, {header: f"t=soon,{rest}"}),
            "only an older scheme": (body, {header: signature.replace("v1=", "v0=")}),
            "no signature": (body, {header: moment}),
            "half a signature": (body, {header: signature[:-8]}),
            "no ASCII": (body, {header: f"{moment},v1=ä"}),
            "an endless header": (body, {header: signature + ",v1=0" * 5000}),
        }
        for forged_body, headers in forgeries.values():
            with pytest.raises(SignatureRejected):
                subject.gateway.read_news(forged_body, headers)
        assert subject.gateway.read_news(body, genuine).object_ref == state.provider_ref

    @alone
    async def test_news_are_read_under_several_signatures(self, subject: GatewayUnderTest) -> None:
        """While a secret is being changed the provider signs with both."""
        state = await captured(subject, new_request(subject))
        body, now = subject.news(state.provider_ref), subject.clock.now()
        [(header, genuine)] = subject.sign(body, now, None).items()
        other = subject.sign(body, now, "whsec_of_before")[header].partition(",")[2]
        moment, _, signature = genuine.partition(",")
        news = subject.gateway.read_news(body, {header: f"{moment},{other},{signature}"})
        assert news.object_ref == state.provider_ref
