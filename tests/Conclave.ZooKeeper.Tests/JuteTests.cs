using Conclave.ZooKeeper.Wire;

namespace Conclave.ZooKeeper.Tests;

public sealed class JuteTests
{
    [Fact]
    public void What_is_written_is_read_and_led_by_its_length()
    {
        var writer = new JuteWriter();
        writer.WriteInt(-7);
        writer.WriteLong(0x0102030405060708);
        writer.WriteBool(true);
        writer.WriteBool(false);
        writer.WriteString("Zoë");
        writer.WriteBuffer([1, 2, 3]);
        writer.WriteStrings(["a", "", "bc"]);
        var frame = writer.ToFrame();
        Assert.Equal(frame.Length - 4, new JuteReader(frame).ReadInt());

        var reader = new JuteReader(frame.AsSpan(4));
        Assert.Equal(-7, reader.ReadInt());
        Assert.Equal(0x0102030405060708, reader.ReadLong());
        Assert.True(reader.ReadBool());
        Assert.False(reader.ReadBool());
        Assert.Equal("Zoë", reader.ReadString());
        Assert.Equal(new byte[] { 1, 2, 3 }, reader.ReadBuffer());
        Assert.Equal(["a", "", "bc"], reader.ReadStrings());
        Assert.True(reader.IsAtEnd);
    }

    [Fact]
    public void Numbers_are_big_endian()
    {
        var writer = new JuteWriter();
        writer.WriteInt(1);
        writer.WriteLong(2);
        Assert.Equal(new byte[] { 0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2 }, writer.ToFrame());
    }

    [Fact]
    public void None_is_read_as_empty()
    {
        byte[] none = [255, 255, 255, 255];
        Assert.Empty(new JuteReader(none).ReadBuffer());
        Assert.Equal("", new JuteReader(none).ReadString());
        Assert.Empty(new JuteReader(none).ReadStrings());
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 0 })]
    [InlineData(new byte[] { 0, 0, 0, 5, 1, 2 })]
    [InlineData(new byte[] { 127, 255, 255, 255 })]
    public void A_frame_that_ends_too_early_is_refused(byte[] frame) =>
        Assert.Throws<InvalidDataException>(() => new JuteReader(frame).ReadBuffer());

    [Fact]
    public void A_count_that_the_frame_cannot_hold_is_refused_before_it_allocates() =>
        Assert.Throws<InvalidDataException>(() => new JuteReader([127, 255, 255, 255, 0, 0, 0, 1]).ReadStrings());

    [Fact]
    public void A_hello_is_what_the_protocol_says()
    {
        var frame = new Hello(0x11, TimeSpan.FromMilliseconds(6000), 0x22, [9, 8]).ToFrame();
        Assert.Equal(
            new byte[] { 0, 0, 0, 31, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x11, 0, 0, 0x17, 0x70, 0, 0, 0, 0, 0, 0, 0, 0x22, 0, 0, 0, 2, 9, 8, 0 },
            frame);
    }

    [Fact]
    public void A_welcome_without_time_is_an_expired_session()
    {
        var writer = new JuteWriter();
        writer.WriteInt(0);
        writer.WriteInt(0);
        writer.WriteLong(0);
        writer.WriteBuffer(new byte[16]);
        writer.WriteBool(false);
        Assert.True(Welcome.Read(writer.ToFrame().AsSpan(4)).IsExpired);
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(3, 3, 3)] // three were made and stand
    [InlineData(9, 1, 5)] // five were made, four of them deleted
    [InlineData(10, 0, 5)]
    [InlineData(-6, 4, 2147483647)] // the server's own sum has overflowed
    public void The_next_number_follows_from_changes_and_children(int changes, int children, long creations) =>
        Assert.Equal(creations, new Stat(1, changes, 0, children).ChildCreations);
}
