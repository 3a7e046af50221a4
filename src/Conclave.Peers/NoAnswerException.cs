namespace Conclave.Peers;

/// <summary>The group did not do what was asked, or did not say so: it may have, or may yet.</summary>
internal sealed class NoAnswerException(string why) : Exception(why);
