using Conclave.Wire.Grpc;

namespace Conclave.Wire.Tests.Grpc;

public sealed class GrpcTextTests
{
    [Theory]
    [InlineData("etcdserver: key is not provided", "etcdserver: key is not provided")]
    [InlineData("100% of\nit", "100%25 of%0Ait")]
    [InlineData("naïve", "na%C3%AFve")]
    public void A_message_travels_percent_encoded_and_comes_back(string message, string encoded)
    {
        Assert.Equal(encoded, GrpcText.EncodeMessage(message));
        Assert.Equal(message, GrpcText.DecodeMessage(encoded));
    }

    [Theory]
    [InlineData("%")]
    [InlineData("%z1")]
    [InlineData("abc%4")]
    public void A_broken_escape_is_left_as_it_is(string text) => Assert.Equal(text, GrpcText.DecodeMessage(text));

    [Theory]
    [InlineData("100m", 100)]
    [InlineData("2S", 2000)]
    [InlineData("1M", 60_000)]
    [InlineData("1500u", 1.5)]
    [InlineData("99999999H", 86_400_000)]
    public void A_timeout_is_read_in_every_unit(string text, double milliseconds)
    {
        Assert.True(GrpcText.TryParseTimeout(text, out var timeout));
        Assert.Equal(milliseconds, timeout.TotalMilliseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("m")]
    [InlineData("5")]
    [InlineData("-5m")]
    [InlineData("5x")]
    [InlineData("999999999m")]
    public void A_malformed_timeout_is_refused(string text) => Assert.False(GrpcText.TryParseTimeout(text, out _));

    [Theory]
    [InlineData(0.01, "1m")]
    [InlineData(5000, "5000m")]
    [InlineData(200_000_000, "200000S")]
    public void A_timeout_is_written_within_eight_digits(double milliseconds, string text) =>
        Assert.Equal(text, GrpcText.FormatTimeout(TimeSpan.FromMilliseconds(milliseconds)));
}
