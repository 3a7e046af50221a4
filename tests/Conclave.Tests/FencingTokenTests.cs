namespace Conclave.Tests;

public sealed class FencingTokenTests
{
    [Fact]
    public void Tokens_are_ordered_by_their_number()
    {
        var (older, newer) = (new FencingToken(9), new FencingToken(10));
        Assert.True(older < newer && newer > older && older <= newer && newer >= older);
        Assert.True(FencingToken.None < older);
    }

    [Fact]
    public void What_was_written_is_read_back()
    {
        Assert.True(FencingToken.TryParse(new FencingToken(long.MaxValue).ToString(), out var token));
        Assert.Equal(long.MaxValue, token.Value);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData(" 1")]
    [InlineData("1,000")]
    [InlineData("0x10")]
    [InlineData("9223372036854775808")]
    public void What_we_would_not_write_is_refused(string? text) => Assert.False(FencingToken.TryParse(text, out _));
}
