namespace Conclave.Consensus.Tests;

/// <summary>The counting against models that are slow and obvious.</summary>
public sealed class QuorumTests
{
    [Fact]
    public void A_ballot_is_decided_when_no_open_answer_can_change_it()
    {
        var random = new Random(1);
        for (var run = 0; run < 20_000; run++)
        {
            var votes = new bool?[random.Next(1, 10)];
            for (var i = 0; i < votes.Length; i++)
                votes[i] = random.Next(3) switch { 0 => null, 1 => true, _ => false };
            Assert.Equal(SlowCount(votes), Quorum.Count(votes));
        }
    }

    [Fact]
    public void What_is_reached_is_the_highest_value_that_a_majority_has()
    {
        var random = new Random(2);
        for (var run = 0; run < 20_000; run++)
        {
            var values = new ulong[random.Next(1, 10)];
            for (var i = 0; i < values.Length; i++)
                values[i] = (ulong)random.Next(6);
            var expected = values.Append(0UL).Where(value => values.Count(each => each >= value) * 2 > values.Length).Max();
            Assert.Equal(expected, Quorum.Reached(values));
        }
    }

    [Fact]
    public void Any_two_majorities_share_a_voter()
    {
        for (var voters = 1; voters <= 20; voters++)
        {
            Assert.True(2 * Quorum.Size(voters) > voters);
            Assert.True(2 * (Quorum.Size(voters) - 1) <= voters);
        }
    }

    /// <summary>Tries every way in which the open answers can turn out.</summary>
    private static VoteResult SlowCount(bool?[] votes)
    {
        var open = Enumerable.Range(0, votes.Length).Where(i => votes[i] is null).ToArray();
        var canWin = false;
        var canFail = false;
        for (var answers = 0; answers < 1 << open.Length; answers++)
        {
            var yes = votes.Count(vote => vote == true) + System.Numerics.BitOperations.PopCount((uint)answers);
            if (yes * 2 > votes.Length)
                canWin = true;
            else
                canFail = true;
        }

        return (canWin, canFail) switch { (true, false) => VoteResult.Won, (false, true) => VoteResult.Lost, _ => VoteResult.Pending };
    }
}
