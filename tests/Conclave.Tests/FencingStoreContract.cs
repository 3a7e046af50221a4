namespace Conclave.Tests;

/// <summary>What a store must do whatever it is made of.</summary>
public abstract class FencingStoreContract
{
    private protected abstract IFencingStore Open();

    [Fact]
    public async Task A_new_store_holds_no_token() => Assert.Equal(FencingToken.None, await Open().ReadAsync(CancellationToken.None));

    [Fact]
    public async Task An_advance_from_what_is_held_is_kept()
    {
        var store = Open();
        Assert.True(await store.TryAdvanceAsync(FencingToken.None, new FencingToken(5), CancellationToken.None));
        Assert.Equal(new FencingToken(5), await store.ReadAsync(CancellationToken.None));
    }

    [Fact]
    public async Task An_advance_from_anything_else_changes_nothing()
    {
        var store = Open();
        await store.TryAdvanceAsync(FencingToken.None, new FencingToken(5), CancellationToken.None);
        Assert.False(await store.TryAdvanceAsync(FencingToken.None, new FencingToken(6), CancellationToken.None));
        Assert.Equal(new FencingToken(5), await store.ReadAsync(CancellationToken.None));
    }

    [Fact]
    public async Task Of_many_that_advance_at_once_one_succeeds_at_each_step()
    {
        var store = Open();
        for (var step = 0; step < 10; step++)
        {
            var won = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
                await store.TryAdvanceAsync(new FencingToken(step), new FencingToken(step + 1), CancellationToken.None))));
            Assert.Equal(1, won.Count(advanced => advanced));
        }
    }
}

public sealed class MemoryFencingStoreTests : FencingStoreContract
{
    private protected override IFencingStore Open() => new MemoryFencingStore();
}

public sealed class FileFencingStoreTests : FencingStoreContract, IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("conclave-fencing-");

    private string TokenFile => Path.Combine(_directory.FullName, "token");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task Another_store_on_the_same_file_sees_the_token_as_after_a_restart()
    {
        await Open().TryAdvanceAsync(FencingToken.None, new FencingToken(41), CancellationToken.None);
        Assert.Equal(new FencingToken(41), await Open().ReadAsync(CancellationToken.None));
        Assert.False(await Open().TryAdvanceAsync(FencingToken.None, new FencingToken(1), CancellationToken.None));
    }

    [Theory]
    [InlineData("")]
    [InlineData("4")]
    [InlineData("four\n")]
    [InlineData("-4\n")]
    public async Task A_damaged_file_is_an_error_and_never_no_token(string content)
    {
        await File.WriteAllTextAsync(TokenFile, content);
        var damaged = await Assert.ThrowsAnyAsync<IOException>(async () => await Open().ReadAsync(CancellationToken.None));
        Assert.Contains(TokenFile, damaged.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lock_that_is_not_freed_ends_in_a_timeout()
    {
        using var held = new FileStream(TokenFile + ".lock", FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        var store = new FileFencingStore(TokenFile) { LockTimeout = TimeSpan.FromMilliseconds(20) };
        await Assert.ThrowsAsync<TimeoutException>(async () => await store.TryAdvanceAsync(FencingToken.None, new FencingToken(1), CancellationToken.None));
        Assert.Equal(FencingToken.None, await store.ReadAsync(CancellationToken.None));
    }

    private protected override IFencingStore Open() => new FileFencingStore(TokenFile);
}
